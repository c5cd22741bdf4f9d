//! An observer of energy on a Raspberry Pi Pico: watches a pendulum that somebody else drives, and says when something is wrong.
//!
//! | pin | what |
//! |---|---|
//! | GP26 (ADC0) | angle sensor, 0 V to 3.3 V over one turn |
//! | GP27 (ADC1) | tachometer, 1.65 V at rest, ±1.65 V at ±[`VELOCITY_MAX`] |
//! | GP28 (ADC2) | motor current, 1.65 V at rest, ±1.65 V at ±[`TORQUE_MAX`] |
//! | GP14 | high while a tick is computed: its cost, on a scope |
//! | GP15 | high for good from a flagged fault on |
//! | GP25 | LED: a tick was late or a conversion failed, and the observer has stopped |
//!
//! The first minute commissions the observer: swing the pendulum as wide as it will ever go. A tick is 5 ms: without a floating-point
//! unit the observer executes 148 thousand instructions, more than the 125 MHz of this chip have room for in 1 ms.
#![no_std]
#![no_main]

use panic_halt as _;

use embedded_hal::digital::OutputPin as _;
use hnn_firmware_common::estimator::Turns;
use hnn_firmware_common::learned;
use hnn_firmware_common::observer::{Calibration, EnergyObserver};
use hnn_firmware_common::scenario::TORQUE_MAX;
use hnn_runtime::{Compiled, Error, Program, Workspace};
use rp2040_hal::adc::{Adc, AdcPin};
use rp2040_hal::clocks::init_clocks_and_plls;
use rp2040_hal::gpio::Pins;
use rp2040_hal::{Sio, Timer, Watchdog, pac};

/// The second stage of the boot, for the flash of the Pico.
#[expect(
    unsafe_code,
    reason = "the chip looks for it at the beginning of flash, where only a section of its own gets it"
)]
#[unsafe(link_section = ".boot2")]
#[used]
static BOOT2: [u8; 256] = rp2040_boot2::BOOT_LOADER_W25Q080;

/// Frequency of the crystal, Hz.
const CRYSTAL_HZ: u32 = 12_000_000;
/// Ticks in a second, and the time of one in microseconds.
const TICK_HZ: u32 = 200;
const TICK_MICROSECONDS: u64 = 1_000_000 / TICK_HZ as u64;
/// Ticks of the commissioning, and those of them in which the account settles.
const COMMISSIONING: u32 = 60 * TICK_HZ;
const SETTLING: u32 = 2 * TICK_HZ;
/// Readings of the converter at full scale.
const READINGS: f32 = 4096.0;
/// Velocity at full scale, rad/s.
const VELOCITY_MAX: f32 = 20.0;

#[rp2040_hal::entry]
fn main() -> ! {
    if let Some(peripherals) = pac::Peripherals::take() {
        // Whatever ends it, there is nobody to tell but the pins.
        let _ = observe(peripherals);
    }
    loop {
        cortex_m::asm::wfi();
    }
}

/// Watches until a tick is late.
fn observe(mut peripherals: pac::Peripherals) -> Result<(), Error> {
    let resets = &mut peripherals.RESETS;
    let mut watchdog = Watchdog::new(peripherals.WATCHDOG);
    let Ok(clocks) = init_clocks_and_plls(
        CRYSTAL_HZ,
        peripherals.XOSC,
        peripherals.CLOCKS,
        peripherals.PLL_SYS,
        peripherals.PLL_USB,
        resets,
        &mut watchdog,
    ) else {
        return Ok(());
    };
    let timer = Timer::new(peripherals.TIMER, resets, &clocks);
    let pins = Pins::new(peripherals.IO_BANK0, peripherals.PADS_BANK0, Sio::new(peripherals.SIO).gpio_bank0, resets);
    let mut busy = pins.gpio14.into_push_pull_output();
    let mut flag = pins.gpio15.into_push_pull_output();
    let mut late = pins.gpio25.into_push_pull_output();
    let mut adc = Adc::new(peripherals.ADC, resets);
    let (Ok(mut angle), Ok(mut velocity), Ok(mut current)) = (
        AdcPin::new(pins.gpio26.into_floating_input()),
        AdcPin::new(pins.gpio27.into_floating_input()),
        AdcPin::new(pins.gpio28.into_floating_input()),
    ) else {
        return Ok(());
    };

    let program = Program::parse(learned::PENDULUM)?;
    let mut workspace = Workspace::<64>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let mut watch = Watch::new();
    let mut turns: Option<Turns> = None;
    let mut deadline = timer.get_counter().ticks() + TICK_MICROSECONDS;
    while timer.get_counter().ticks() < deadline {
        while timer.get_counter().ticks() < deadline {}
        deadline += TICK_MICROSECONDS;
        let _ = busy.set_high();
        let (Ok(angle), Ok(velocity), Ok(current)) =
            (adc.read(&mut angle), adc.read(&mut velocity), adc.read(&mut current))
        else {
            break;
        };
        let within = core::f32::consts::TAU / READINGS * f32::from(angle);
        let q = turns.get_or_insert(Turns::hanging_at(within)).follow(within);
        let residual =
            watch.observer.update(&mut model, [q, VELOCITY_MAX * signed(velocity)], TORQUE_MAX * signed(current));
        if watch.is_fault(residual) {
            let _ = flag.set_high();
        }
        let _ = busy.set_low();
    }
    let _ = late.set_high();
    Ok(())
}

/// A reading as part of full scale, −1 to 1.
fn signed(reading: u16) -> f32 {
    f32::from(reading) / (0.5 * READINGS) - 1.0
}

/// The observer, commissioned first.
struct Watch {
    observer: EnergyObserver,
    calibration: Calibration,
    ticks: u32,
}

impl Watch {
    const fn new() -> Self {
        Self { observer: EnergyObserver::new(1.0 / TICK_HZ as f32), calibration: Calibration::new(), ticks: 0 }
    }

    /// Calibrates while it is commissioned; then tells whether a residual is outside of the band.
    fn is_fault(&mut self, residual: f32) -> bool {
        if self.ticks < COMMISSIONING {
            self.ticks += 1;
            if self.ticks > SETTLING {
                self.calibration.take(residual);
            }
            return false;
        }
        residual.abs() > self.calibration.band()
    }
}
