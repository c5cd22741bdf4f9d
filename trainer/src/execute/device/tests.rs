//! Every device that is present against f64 on the processor; what is absent says so.

use super::*;
use crate::architecture::{self, Scaling};
use crate::execute::{Arithmetic, Real, download, download_scalar};
use crate::loss::{self, Objective};
use crate::system;

/// All that can compute here at a precision; the others are named with their reason.
pub(in crate::execute) fn present(precision: Precision) -> Vec<(Device, Arithmetic)> {
    let open = |device: Device| match Arithmetic::on(device, precision) {
        Ok(arithmetic) => Some((device, arithmetic)),
        Err(reason) => {
            eprintln!("skipped in {precision}: {reason}");
            None
        }
    };
    Device::ALL.into_iter().filter_map(open).collect()
}

/// The field loss of a fresh network on a noisy pendulum, and its gradient by every weight.
fn field_loss(plain: &Arithmetic) -> (f64, Vec<f64>) {
    let pendulum = system::find("pendulum").unwrap();
    let protocol = system::Protocol { trajectories: 5, held_out: 1, rows: 15, ..pendulum.reference };
    let data = system::generate(pendulum, &system::Settings::new(), &protocol, 3).unwrap().train;
    let settings = architecture::Settings { hidden: vec![16, 16], ..architecture::Settings::default() };
    let made = architecture::build(&settings, &Scaling::measure(&data), 1).unwrap();
    let arithmetic = plain.with_derivatives();
    let objective = Objective::new(&loss::Settings::Field, &made.model, &data, &data, &arithmetic).unwrap();
    let batch = objective.gather(&(0..objective.items()).collect::<Vec<_>>());
    let weights: Vec<(&String, Real)> =
        made.initial.iter().map(|(name, value)| (name, arithmetic.upload_tensor(value).require_grad())).collect();
    let find = |name: &str| weights.iter().find(|(known, _)| *known == name).map(|(_, weight)| weight.clone());
    let total = objective.loss(&batch, None, &find).unwrap();
    let gradients = total.backward();
    let gradient = weights.iter().filter_map(|(_, weight)| weight.grad(&gradients));
    (download_scalar(&total).unwrap(), gradient.flat_map(|part| download(&part).unwrap()).collect())
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

#[test]
fn every_device_gives_the_field_loss_and_its_gradient() {
    let (loss, gradient) = field_loss(&Arithmetic::plain(Precision::F64));
    assert!(gradient.len() > 300 && norm(gradient.iter().copied()) > 1e-3);
    for (precision, tolerance) in [(Precision::F32, 2e-6), (Precision::F64, 1e-13)] {
        for (device, arithmetic) in present(precision) {
            let (found, found_gradient) = field_loss(&arithmetic);
            assert!((found - loss).abs() <= tolerance * loss, "{device} {precision}: {found} instead of {loss}");
            assert_eq!(found_gradient.len(), gradient.len(), "{device} {precision}");
            let error = norm(found_gradient.iter().zip(&gradient).map(|(a, b)| a - b)) / norm(gradient.iter().copied());
            println!("{device} {precision}: loss off by {:.1e}, gradient by {error:.1e}", (found - loss).abs() / loss);
            assert!(error <= tolerance, "{device} {precision}: gradient is off by {error:e} of its norm");
        }
    }
}

#[test]
fn a_device_that_was_not_built_in_is_refused_with_the_command_that_builds_it() {
    let built = [
        (Device::Tch, cfg!(feature = "tch")),
        (Device::TchCuda, cfg!(feature = "tch")),
        (Device::Cuda, cfg!(feature = "cuda")),
        (Device::Wgpu, cfg!(feature = "wgpu")),
    ];
    for (device, _) in built.into_iter().filter(|(_, built)| !built) {
        let refused = Arithmetic::on(device, Precision::F32).unwrap_err();
        let feature = if device == Device::TchCuda { "tch" } else { device.name() };
        assert_eq!(refused, DeviceError::NotBuilt { device, feature });
        assert!(refused.to_string().ends_with(&format!("cargo build --release --features {feature}`")), "{refused}");
    }
}

#[test]
fn a_device_that_was_built_in_computes_or_says_what_it_misses() {
    for device in Device::ALL {
        match Arithmetic::on(device, Precision::F32) {
            Ok(_) | Err(DeviceError::NotBuilt { .. }) => {}
            Err(DeviceError::Unusable { device: named, reason }) => {
                assert_eq!(named, device);
                assert!(reason.contains("wants"), "{reason}");
            }
            Err(refused) => panic!("{refused}"),
        }
    }
}

#[test]
fn names_of_devices_are_read_back() {
    for device in Device::ALL {
        assert_eq!(device.name().parse(), Ok(device));
        assert_eq!(serde_json::to_value(device).unwrap(), device.name());
    }
    assert!("tpu".parse::<Device>().unwrap_err().contains("flex, tch, tch-cuda, cuda, wgpu"));
}
