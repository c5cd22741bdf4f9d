//! One field and one step of every generated model, between the marks of `mps2-bench` and in its words: what both print must agree,
//! and `cargo xtask bench mcu` counts what is executed.
#![no_std]
#![no_main]
#![cfg_attr(no_models, allow(unused, reason = "there is nothing to measure"))]

use core::hint::black_box;

use hnn_firmware_common::{Console, INPUT, Report, STATES, measure_begin, measure_end, semihosting};

macro_rules! measured {
    ($report:ident, $name:ident) => {{
        use $name::{DOF, INPUTS, Model, WORKSPACE_LEN};
        $report.word("model ").word(stringify!($name)).end();
        $report.word("workspace_bytes").count(4 * WORKSPACE_LEN as u64).end();
        let mut model = Model::new();
        if model.self_check().is_err() {
            return false;
        }
        for (q, p) in STATES {
            let (mut q, mut p, u) = black_box(([q; DOF], [p; DOF], [INPUT; INPUTS]));
            measure_begin();
            let (dq, dp) = black_box(&mut model).field(&q, &p, &u);
            measure_end();
            $report.word("field");
            for value in dq.iter().chain(&dp) {
                $report.bits(*value);
            }
            $report.end();
            measure_begin();
            let stepped = black_box(&mut model).step(&mut q, &mut p, &u);
            measure_end();
            if stepped.is_err() {
                return false;
            }
            $report.word("step");
            for value in q.iter().chain(&p) {
                $report.bits(*value);
            }
            $report.end();
        }
    }};
}

include!(concat!(env!("OUT_DIR"), "/models.rs"));

#[cortex_m_rt::entry]
fn main() -> ! {
    semihosting::report(every)
}
