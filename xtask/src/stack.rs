//! Measures how deep the stack of an emulated firmware went: paint RAM, run to the end, look how much paint is left.
//!
//! Speaks the few packets of the GDB remote protocol this takes with QEMU, so the firmware needs no code for it. The depth is
//! of this run, on this input: measured, not proved.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// What untouched RAM holds.
const PAINT: u8 = 0xa5;
/// Deepest stack that is looked for.
const DEPTH_MAX_BYTES: u64 = 16 << 10;
/// Number of the stack pointer among the core registers.
const STACK_POINTER: usize = 13;
/// Bytes written or asked for in one packet.
const READ_BYTES: u64 = 512;
/// How long QEMU may take to listen, and the firmware to finish.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Runs QEMU by the command `run`, up to the instruction at `end`; returns the bytes used below `stack_top`.
///
/// # Errors
/// Where QEMU does not start, does not speak the protocol, or the stack reached the end of the paint.
pub(crate) fn high_water(mut run: Command, scratch: &Path, stack_top: u64, end: u64) -> Result<u64> {
    let paint = scratch.join("paint.bin");
    let bottom = stack_top - DEPTH_MAX_BYTES;
    fs::write(&paint, vec![PAINT; usize::try_from(DEPTH_MAX_BYTES)?])?;
    let address = free_address()?;
    run.args(["--", "-S", "-gdb", &format!("tcp:{address}")]);
    run.arg("-device").arg(format!("loader,file={},addr={bottom:#x},force-raw=on", paint.display()));
    let mut qemu = run.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start QEMU")?;
    let outcome = observe(&mut qemu, address, bottom, end);
    qemu.kill()?;
    qemu.wait()?;
    outcome
}

/// An address of this machine at which nobody listens now.
fn free_address() -> Result<SocketAddrV4> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr()?.port()))
}

/// Runs QEMU by the command `run`; returns the bytes of stack used between every call of the function at `begin` and the next
/// of that at `end`, which the same function makes, `count` times.
///
/// # Errors
/// As [`high_water`].
pub(crate) fn between(mut run: Command, [begin, end]: [u64; 2], count: usize) -> Result<Vec<u64>> {
    let address = free_address()?;
    run.args(["--", "-S", "-gdb", &format!("tcp:{address}")]);
    let mut qemu = run.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("cannot start QEMU")?;
    let outcome = Debugger::connect(&mut qemu, address)
        .and_then(|mut debugger| (0..count).map(|_| one_between(&mut debugger, begin, end)).collect());
    qemu.kill()?;
    qemu.wait()?;
    outcome
}

fn one_between(debugger: &mut Debugger, begin: u64, end: u64) -> Result<u64> {
    debugger.run_to(begin)?;
    let registers = debugger.ask("g")?;
    let stack_pointer = registers.get(8 * STACK_POINTER..8 * (STACK_POINTER + 1)).context("QEMU sends no registers")?;
    let top = u64::from(u32::from_str_radix(stack_pointer, 16)?.swap_bytes());
    let bottom = top - DEPTH_MAX_BYTES;
    let paint = format!("{PAINT:02x}").repeat(usize::try_from(READ_BYTES)?);
    for offset in (0..DEPTH_MAX_BYTES).step_by(usize::try_from(READ_BYTES)?) {
        let packet = format!("M{:x},{READ_BYTES:x}:{paint}", bottom + offset);
        ensure!(debugger.ask(&packet)? == "OK", "QEMU writes no memory");
    }
    debugger.run_to(end)?;
    untouched(debugger, bottom).map(|untouched| DEPTH_MAX_BYTES - untouched)
}

fn observe(qemu: &mut Child, address: SocketAddrV4, bottom: u64, end: u64) -> Result<u64> {
    let mut debugger = Debugger::connect(qemu, address)?;
    debugger.run_to(end)?;
    untouched(&mut debugger, bottom).map(|untouched| DEPTH_MAX_BYTES - untouched)
}

/// Bytes from `bottom` on that still hold the paint.
fn untouched(debugger: &mut Debugger, bottom: u64) -> Result<u64> {
    let mut untouched = 0;
    'reading: for offset in (0..DEPTH_MAX_BYTES).step_by(usize::try_from(READ_BYTES)?) {
        let bytes = debugger.ask(&format!("m{:x},{READ_BYTES:x}", bottom + offset))?;
        for byte in bytes.as_bytes().chunks(2) {
            if byte != format!("{PAINT:02x}").as_bytes() {
                break 'reading;
            }
            untouched += 1;
        }
    }
    ensure!(untouched > 0, "the stack used all of the {DEPTH_MAX_BYTES} bytes that were painted");
    Ok(untouched)
}

/// One connection to QEMU's GDB server.
struct Debugger(TcpStream);

impl Debugger {
    /// Waits for QEMU to listen.
    fn connect(qemu: &mut Child, address: SocketAddrV4) -> Result<Self> {
        let started = Instant::now();
        loop {
            if let Ok(stream) = TcpStream::connect(address) {
                stream.set_read_timeout(Some(TIME_LIMIT))?;
                return Ok(Self(stream));
            }
            if let Some(status) = qemu.try_wait()? {
                bail!("QEMU ended before the debugger was connected: {status}");
            }
            ensure!(started.elapsed() < TIME_LIMIT, "QEMU does not listen");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Continues to the instruction at `address`.
    fn run_to(&mut self, address: u64) -> Result<()> {
        let point = format!("0,{:x},2", address & !1);
        ensure!(self.ask(&format!("Z{point}"))? == "OK", "QEMU sets no breakpoint");
        let stopped = self.ask("c")?;
        let is_there = stopped.starts_with("T05") || stopped.starts_with("S05");
        ensure!(is_there, "the firmware did not reach {address:#x}: {stopped}");
        ensure!(self.ask(&format!("z{point}"))? == "OK", "QEMU removes no breakpoint");
        Ok(())
    }

    /// Sends `$body#checksum` and returns the body of the answer.
    fn ask(&mut self, body: &str) -> Result<String> {
        let checksum = body.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${body}#{checksum:02x}")?;
        let mut answer = String::new();
        let mut byte = [0_u8];
        while byte != *b"$" {
            // What comes first is the acknowledgement.
            self.0.read_exact(&mut byte)?;
        }
        loop {
            self.0.read_exact(&mut byte)?;
            if byte == *b"#" {
                break;
            }
            answer.push(char::from(byte[0]));
        }
        self.0.read_exact(&mut [0; 2])?;
        self.0.write_all(b"+")?;
        Ok(answer)
    }
}
