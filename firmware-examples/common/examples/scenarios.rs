//! Runs the scenarios on this computer and prints what the devices print; and counts how often the observer is wrong.

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use hnn_firmware_common::plant::Pendulum;
use hnn_firmware_common::scenario::{Fault, Watch, commission, watch};
use hnn_firmware_common::{Console, learned, scenario};

const USAGE: &str = "usage: scenarios (swing-up | fault | update | alarms COUNT)";

struct Standard;

impl Console for Standard {
    fn write(&mut self, text: &[u8]) {
        // A closed pipe ends the reader's interest, not the run.
        let _ = io::stdout().write_all(text);
    }
}

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let good = match (arguments.next().as_deref(), arguments.next().and_then(|text| text.parse().ok())) {
        (Some("swing-up"), None) => scenario::swing_up(&mut Standard),
        (Some("fault"), None) => scenario::fault(&mut Standard),
        (Some("update"), None) => scenario::update(&mut Standard),
        (Some("alarms"), Some(count)) => alarms(count),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Commissions and watches `count` times for every fault, with other noise each time; prints how often the flag came too early, in
/// time and never, and the delays.
fn alarms(count: u64) -> bool {
    let machine = Pendulum::EXAMPLE;
    let faults = [
        Fault::None,
        Fault::Friction(2.0 * machine.viscous),
        Fault::Friction(3.0 * machine.viscous),
        Fault::Offset(0.05),
        Fault::Offset(0.1),
        Fault::Mass(1.1 * machine.mass),
        Fault::Mass(1.2 * machine.mass),
    ];
    for fault in faults {
        let (mut early, mut missed, mut delays, mut quiet) = (0, 0, Vec::new(), 0.0_f32);
        for seed in 0..count {
            let outcome = commission(learned::PENDULUM, 2 * seed)
                .and_then(|band| Ok((band, watch(learned::PENDULUM, band, fault, 2 * seed + 1)?)));
            let Ok((band, Watch { quiet_max, flagged })) = outcome else { return false };
            quiet = quiet.max(quiet_max / band);
            match flagged {
                None => missed += 1,
                Some(tick) if tick < Watch::FAULT_TICK => early += 1,
                Some(tick) => delays.push(Watch::TICK_MS * (tick - Watch::FAULT_TICK)),
            }
        }
        delays.sort_unstable();
        let (median, most) = (delays.get(delays.len() / 2), delays.last());
        println!(
            "{fault:?}: {early} early, {} after, {missed} never; delay in ms: median {median:?}, most {most:?}",
            delays.len()
        );
        println!("  largest residual before the fault: {quiet:.2} of the band");
    }
    true
}
