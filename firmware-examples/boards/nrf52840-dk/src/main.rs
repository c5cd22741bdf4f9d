//! Swing-up of a pendulum on an nRF52840-DK with embassy: an analog angle sensor in, PWM out, 1024 ticks a second.
//!
//! | pin | what |
//! |---|---|
//! | P0.02 (AIN0) | angle sensor, 0 V to 3.3 V over one turn |
//! | P0.03 | motor current, PWM of 20 kHz |
//! | P0.04 | direction of the motor |
//! | P0.05 | high while a tick is computed: its cost, on a scope |
//! | P0.13 | LED 1, on when low: a tick was late, and the motor is off for good |
//!
//! Time is that of the low-power clock of 32,768 Hz, so a tick is 1/1024 s, and that is what the controller is made for. The motor driver
//! makes a current in proportion to the duty, and full duty makes [`TORQUE_MAX`]. The pendulum hangs at rest when the board starts.
#![no_std]
#![no_main]

use panic_halt as _;

use embassy_executor::Spawner;
use embassy_nrf::gpio::{Level, Output, OutputDrive};
use embassy_nrf::pwm::{DutyCycle, Prescaler, SimpleConfig, SimplePwm};
use embassy_nrf::saadc::{ChannelConfig, Config, Gain, Reference, Resolution, Saadc};
use embassy_nrf::{bind_interrupts, saadc};
use embassy_time::{Duration, Instant, Ticker};
use hnn_firmware_common::controller::{Controller, Failure, Settings, WORKSPACE_LEN};
use hnn_firmware_common::estimator::Turns;
use hnn_firmware_common::learned;
use hnn_firmware_common::scenario::{SCALES, TORQUE_MAX};
use hnn_runtime::{Program, Workspace};

bind_interrupts!(struct Interrupts {
    SAADC => saadc::InterruptHandler;
});

/// Ticks in a second.
const TICK_HZ: u64 = 1024;
/// Readings of the converter in a turn of the sensor, 12 bits.
const READINGS_PER_TURN: f32 = 4096.0;
/// Steps of the PWM at 16 MHz: 20 kHz.
const PWM_STEPS: u16 = 800;

#[embassy_executor::main]
async fn main(_spawner: Spawner) {
    // A blob that is refused leaves the motor as the reset left it: off.
    let _ = control(embassy_nrf::init(embassy_nrf::config::Config::default())).await;
}

/// Controls until a tick is late.
async fn control(peripherals: embassy_nrf::Peripherals) -> Result<(), Failure> {
    let mut sensor = {
        let mut channel = ChannelConfig::single_ended(peripherals.P0_02);
        // A quarter of the supply against a quarter of the input: readings do not depend on the supply.
        (channel.reference, channel.gain) = (Reference::VDD1_4, Gain::Gain1_4);
        let mut config = Config::default();
        config.resolution = Resolution::_12bit;
        Saadc::new(peripherals.SAADC, Interrupts, config, [channel])
    };
    let mut current = {
        let mut config = SimpleConfig::default();
        (config.max_duty, config.prescaler) = (PWM_STEPS, Prescaler::Div1);
        SimplePwm::new_1ch(peripherals.PWM0, peripherals.P0_03, &config)
    };
    let mut direction = Output::new(peripherals.P0_04, Level::Low, OutputDrive::Standard);
    let mut busy = Output::new(peripherals.P0_05, Level::Low, OutputDrive::Standard);
    let mut late = Output::new(peripherals.P0_13, Level::High, OutputDrive::Standard);

    let program = Program::parse(learned::PENDULUM)?;
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let settings = Settings { torque_max: TORQUE_MAX, scales: SCALES, dt: 1.0 / TICK_HZ as f32 };
    let mut controller = Controller::new(&program, &mut workspace, settings, 0.0)?;

    let mut reading = [0];
    sensor.sample(&mut reading).await;
    let mut turns = Turns::hanging_at(angle(reading));
    let period = Duration::from_hz(TICK_HZ);
    let mut ticker = Ticker::every(period);
    let mut deadline = Instant::now() + period;
    while Instant::now() < deadline {
        ticker.next().await;
        deadline += period;
        busy.set_high();
        sensor.sample(&mut reading).await;
        let torque = controller.tick(turns.follow(angle(reading)));
        direction.set_level((torque < 0.0).into());
        // Inverted: high below the duty.
        current.set_duty(0, DutyCycle::inverted((torque.abs() / TORQUE_MAX * f32::from(PWM_STEPS)) as u16));
        busy.set_low();
    }
    current.set_duty(0, DutyCycle::inverted(0));
    late.set_low();
    Ok(())
}

/// The sensor's angle within its turn, rad.
fn angle([reading]: [i16; 1]) -> f32 {
    core::f32::consts::TAU / READINGS_PER_TURN * f32::from(reading)
}
