//! Swing-up of a pendulum on a NUCLEO-F411RE: encoder in, PWM out, a tick every millisecond.
//!
//! | pin | Arduino | what |
//! |---|---|---|
//! | PA0, PA1 | A0, A1 | encoder A and B, TIM2 counts its edges |
//! | PA8 | D7 | motor current, PWM of 20 kHz, TIM1 channel 1 |
//! | PA9 | D8 | direction of the motor |
//! | PA6 | D12 | high while a tick is computed: its cost, on a scope |
//! | PA5 | D13 | LED: a tick was late, and the motor is off for good |
//!
//! The motor driver makes a current in proportion to the duty, and full duty makes [`TORQUE_MAX`]. The pendulum hangs at rest when the
//! board starts. A tick executes 19 thousand instructions at most; a millisecond has 84 thousand cycles.
#![no_std]
#![no_main]

use panic_halt as _;

use cortex_m_rt::entry;
use embedded_hal_02::Qei as _;
use hnn_firmware_common::controller::{Controller, Failure, Settings, WORKSPACE_LEN};
use hnn_firmware_common::learned;
use hnn_firmware_common::scenario::{SCALES, TORQUE_MAX};
use hnn_runtime::{Program, Workspace};
use nb::block;
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::qei::Qei;
use stm32f4xx_hal::{pac, rcc};

/// Counts of the encoder in a turn, all four edges.
const COUNTS_PER_TURN: f32 = 16384.0;
/// Ticks in a second.
const TICK_HZ: u32 = 1000;

#[entry]
fn main() -> ! {
    if let Some(peripherals) = pac::Peripherals::take() {
        // A blob that is refused leaves the motor as the reset left it: off.
        let _ = control(peripherals);
    }
    loop {
        cortex_m::asm::wfi();
    }
}

/// Controls until a tick is late.
fn control(peripherals: pac::Peripherals) -> Result<(), Failure> {
    // The board's debugger gives a clock of 8 MHz.
    let clock = rcc::Config::hse(8.MHz()).bypass_hse_oscillator().sysclk(84.MHz());
    let mut rcc = peripherals.RCC.freeze(clock);
    let pins = peripherals.GPIOA.split(&mut rcc);
    let encoder = Qei::new(peripherals.TIM2, (pins.pa0, pins.pa1), &mut rcc);
    let (_, (channel, ..)) = peripherals.TIM1.pwm_hz(20.kHz(), &mut rcc);
    let mut current = channel.with(pins.pa8);
    let mut direction = pins.pa9.into_push_pull_output();
    let mut busy = pins.pa6.into_push_pull_output();
    let mut late = pins.pa5.into_push_pull_output();
    let full = f32::from(current.get_max_duty());

    let program = Program::parse(learned::PENDULUM)?;
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let settings = Settings { torque_max: TORQUE_MAX, scales: SCALES, dt: 1.0 / TICK_HZ as f32 };
    let mut controller = Controller::new(&program, &mut workspace, settings, 0.0)?;

    current.set_duty(0);
    current.enable();
    let mut tick = peripherals.TIM5.counter_hz(&mut rcc);
    let mut is_on_time = tick.start(TICK_HZ.Hz()).is_ok();
    while is_on_time {
        let _ = block!(tick.wait());
        busy.set_high();
        // The counter of 32 bits wraps below zero: as a signed number it is the way from where it hung.
        let counts = encoder.count().cast_signed();
        let angle = core::f32::consts::TAU / COUNTS_PER_TURN * counts as f32;
        let torque = controller.tick(angle);
        direction.set_state((torque < 0.0).into());
        current.set_duty((torque.abs() / TORQUE_MAX * full) as u16);
        busy.set_low();
        // The timer has come round already: this tick took longer than there was time.
        is_on_time = tick.wait().is_err();
    }
    current.set_duty(0);
    late.set_high();
    Ok(())
}
