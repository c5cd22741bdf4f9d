//! Prints a recording of the simulated machine as CSV: what a bench with a logger would give to `hnn train`.
//!
//! `recording MASS SEED`: eight launches by hand of 12 s each, driven by a slowly changing torque within the motor's limit; an
//! encoder's angle and a noisy velocity, 100 rows a second.

use std::io::{BufWriter, Write as _};
use std::{env, io};

use hnn_firmware_common::noise::Noise;
use hnn_firmware_common::plant::{Motion, Pendulum};
use hnn_firmware_common::scenario::{DT, TORQUE_MAX};

/// Speeds at the start, rad/s: hanging swings, and some over the top.
const LAUNCHES: [f32; 8] = [0.0, 2.0, -4.0, 5.5, -7.0, 7.5, -8.5, 9.5];
/// Ticks of each launch, and of the controller between two rows.
const TICKS: u32 = 12_000;
const ROW_TICKS: u32 = 10;
/// Deviation of the velocity's noise, rad/s.
const VELOCITY_NOISE: f32 = 0.02;

fn main() -> io::Result<()> {
    let wrong = || io::Error::other("usage: recording MASS SEED");
    let mut arguments = env::args().skip(1);
    let mass = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let seed = arguments.next().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let machine = Pendulum::EXAMPLE.carrying(mass);
    let mut noise = Noise::new(seed);
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "launch,time,q,v,u")?;
    for (launch, velocity) in LAUNCHES.into_iter().enumerate() {
        let mut motion = Motion { angle: 0.0, velocity };
        let frequencies = [1.3 + 0.3 * launch as f32, 3.1 + 0.2 * launch as f32];
        let mut torque = 0.0;
        for tick in 0..TICKS {
            if tick % ROW_TICKS == 0 {
                let time = DT * tick as f32;
                let [slow, fast] = frequencies.map(|frequency| (frequency * time).sin());
                torque = TORQUE_MAX * (0.6 * slow + 0.4 * fast);
                let measured = motion.velocity + VELOCITY_NOISE * noise.sample();
                writeln!(out, "{launch},{time:.3},{:.6},{measured:.5},{torque:.5}", motion.encoded())?;
            }
            machine.advance(&mut motion, torque, DT);
        }
    }
    out.flush()
}
