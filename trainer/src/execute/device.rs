//! The devices tensors can be computed on, and whether this build and this machine have them.
//!
//! `flex` is always there. The others are cargo features of this crate, forwarded by `hnn`; each is asked for by name and
//! never stands in for another. Opening one looks for the library, the driver and the hardware first, then multiplies two small
//! matrices, so that whatever is missing is an error before training begins rather than a panic within.
//! Nothing here knows a graph: [`Arithmetic`](super::Arithmetic) is what the rest of the crate sees.

#[cfg(test)]
pub(super) mod tests;

use burn::tensor;
use serde::{Deserialize, Serialize};

use super::Precision;

/// Where tensors are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// The processor, through burn's own kernels. Needs nothing.
    #[default]
    Flex,
    /// The processor, through LibTorch 2.9.0, which the build links and the program loads.
    Tch,
    /// An NVIDIA device, through a LibTorch 2.9.0 with CUDA.
    TchCuda,
    /// An NVIDIA device, through CubeCL, which compiles its kernels at run time with an LLVM of its own.
    Cuda,
    /// Whatever WebGPU finds: Vulkan, Metal or DirectX. It has no f64.
    Wgpu,
}

/// Why tensors cannot be computed on a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The cargo feature was not set.
    #[error(
        "this build has no device `{device}`; one that has: `{}cargo build --release --features {feature}`",
        before(feature)
    )]
    NotBuilt {
        /// The device asked for.
        device: Device,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// Library, driver or hardware is missing.
    #[error("device `{device}` is not usable on this machine: {reason}")]
    Unusable {
        /// The device asked for.
        device: Device,
        /// What was looked for, or what went wrong.
        reason: String,
    },
    /// The device cannot compute at this precision.
    #[error("device `{device}` has no {precision}; ask for f32, or for another device")]
    Precision {
        /// The device asked for.
        device: Device,
        /// The precision asked for.
        precision: Precision,
    },
}

/// What the build of a feature wants to have run before.
fn before(feature: &str) -> &'static str {
    if feature == "tch" { "eval \"$(cargo xtask setup --libtorch)\" && " } else { "" }
}

impl Device {
    /// All there are, built in or not.
    pub const ALL: [Self; 5] = [Self::Flex, Self::Tch, Self::TchCuda, Self::Cuda, Self::Wgpu];

    /// Name, as typed and as kept in runs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Tch => "tch",
            Self::TchCuda => "tch-cuda",
            Self::Cuda => "cuda",
            Self::Wgpu => "wgpu",
        }
    }

    /// The device of burn, after it has computed something.
    pub(super) fn open(self) -> Result<tensor::Device, DeviceError> {
        match self {
            Self::Flex => Ok(tensor::Device::flex()),
            #[cfg(feature = "tch")]
            Self::Tch => self.tried(libtorch()),
            #[cfg(feature = "tch")]
            Self::TchCuda => {
                let found = tensor::Device::enumerate(tensor::DeviceType::LibTorch);
                let device = self.first(
                    found,
                    "LibTorch finds no CUDA device: it wants an NVIDIA driver and a LibTorch with CUDA",
                )?;
                self.tried(device)
            }
            #[cfg(feature = "cuda")]
            Self::Cuda => {
                let found = tensor::Device::enumerate(tensor::DeviceType::Cuda);
                let device = self.first(found, "no CUDA device is found: it wants an NVIDIA driver")?;
                self.tried(device)
            }
            #[cfg(feature = "wgpu")]
            Self::Wgpu => {
                let found = tensor::Device::enumerate(tensor::DeviceType::Wgpu);
                self.first(found, "no graphics adapter is found: it wants a Vulkan, Metal or DirectX driver")?;
                // The adapter that burn prefers, or that CUBECL_WGPU_DEFAULT_DEVICE names, rather than the first.
                self.tried(tensor::Device::wgpu(tensor::DeviceKind::DefaultDevice))
            }
            #[cfg(not(feature = "tch"))]
            Self::Tch | Self::TchCuda => Err(DeviceError::NotBuilt { device: self, feature: "tch" }),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => Err(DeviceError::NotBuilt { device: self, feature: "cuda" }),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu => Err(DeviceError::NotBuilt { device: self, feature: "wgpu" }),
        }
    }

    /// The first device found.
    #[cfg(any(feature = "tch", feature = "cuda", feature = "wgpu"))]
    fn first(self, found: tensor::Devices, otherwise: &str) -> Result<tensor::Device, DeviceError> {
        let unusable = || DeviceError::Unusable { device: self, reason: otherwise.to_owned() };
        found.into_iter().next().ok_or_else(unusable)
    }

    /// The device, once it has multiplied two small matrices: what is loaded or compiled at run time fails here.
    #[cfg(any(feature = "tch", feature = "cuda", feature = "wgpu"))]
    fn tried(self, device: tensor::Device) -> Result<tensor::Device, DeviceError> {
        let unusable = |reason: String| DeviceError::Unusable { device: self, reason };
        let on = device.clone();
        let product = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let left = tensor::Tensor::<2>::from_floats([[1.0, 2.0], [3.0, 4.0]], &on);
            let right = tensor::Tensor::<2>::from_floats([[5.0, 6.0], [7.0, 8.0]], &on);
            left.matmul(right).try_into_data().map(|data| data.convert::<f64>().try_to_vec::<f64>())
        }));
        match product {
            Ok(Ok(Ok(values))) if values == [19.0, 22.0, 43.0, 50.0] => Ok(device),
            Ok(Ok(values)) => Err(unusable(format!("it multiplies 2×2 matrices to {values:?}"))),
            Ok(Err(error)) => Err(unusable(error.to_string())),
            Err(_) => Err(unusable("its library gave up at the first product; its message stands above".to_owned())),
        }
    }
}

#[cfg(feature = "tch")]
#[expect(deprecated, reason = "burn 0.22 means to drop LibTorch, which is still its fastest on a processor")]
fn libtorch() -> tensor::Device {
    tensor::Device::libtorch()
}

/// What the hardware is called, where burn tells.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
pub(super) fn hardware(device: &tensor::Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

/// What the hardware is called: only CubeCL's devices tell.
#[cfg(not(any(feature = "cuda", feature = "wgpu")))]
pub(super) fn hardware(_: &tensor::Device) -> Option<String> {
    None
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|device| device.name() == text)
            .ok_or_else(|| format!("`{text}` is no device; there are {}", known()))
    }
}
