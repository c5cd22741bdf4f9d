//! What an emulated firmware executes between two marks, instruction by instruction.
//!
//! QEMU runs one instruction at a time and logs the address of each; the ELF file says what lies there.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use object::read::elf::ElfFile32;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionKind};

use super::cycles::{Cost, Processor};
use super::thumb::{Instruction, decode};

/// The two functions that enclose what is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// Address and size of the function that is called before.
    begin: (u32, u32),
    /// Address of the function that is called after.
    end: u32,
}

impl Marks {
    /// Address of the function that is called before.
    pub(crate) fn begin(self) -> u64 {
        self.begin.0.into()
    }

    /// Address of the function that is called after.
    pub(crate) fn end(self) -> u64 {
        self.end.into()
    }
}

/// The code of an ELF file.
#[derive(Debug)]
pub(crate) struct Code {
    /// Half-words by address / 2.
    halves: Vec<u16>,
    pub(crate) marks: Marks,
}

impl Code {
    /// Reads an ELF file whose marks have names that contain `begin` and `end`.
    ///
    /// # Errors
    /// Where the file cannot be read, is no such file, or lacks a mark.
    pub(crate) fn read(path: &Path, [begin, end]: [&str; 2]) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file =
            ElfFile32::<Endianness>::parse(&*bytes).with_context(|| format!("{}: no ELF file", path.display()))?;
        let mut halves = Vec::new();
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let first = usize::try_from(section.address() / 2)?;
            let (words, _) = section.data()?.as_chunks::<2>();
            halves.resize(halves.len().max(first + words.len()), 0);
            for (half, word) in halves.iter_mut().skip(first).zip(words) {
                *half = u16::from_le_bytes(*word);
            }
        }
        let symbol = |part: &str| -> Result<(u32, u32)> {
            let found =
                file.symbols().find(|symbol| symbol.is_definition() && symbol.name().is_ok_and(|n| n.contains(part)));
            let found = found.with_context(|| format!("{}: no function named like `{part}`", path.display()))?;
            Ok((u32::try_from(found.address())? & !1, u32::try_from(found.size())?))
        };
        let marks = Marks { begin: symbol(begin)?, end: symbol(end)?.0 };
        Ok(Self { halves, marks })
    }

    /// The instruction at an address, and its length in bytes.
    fn at(&self, address: u32) -> Result<(Instruction, u32)> {
        let index = usize::try_from(address / 2)?;
        let half = |index: usize| self.halves.get(index).copied();
        let first = half(index).with_context(|| format!("{address:#x} holds no code"))?;
        let bytes = if first >> 11 < 0b11101 { 2 } else { 4 };
        Ok((decode(first, half(index + 1).unwrap_or(0)), bytes))
    }
}

/// What a traced run printed, and the cost of everything between two marks, in order.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) printed: String,
    pub(crate) costs: Vec<Cost>,
}

/// Options that make QEMU log every instruction.
///
/// # Errors
/// Where QEMU cannot be run.
pub(crate) fn options() -> Result<Vec<&'static str>> {
    let help = Command::new("qemu-system-arm").arg("--help").output().context("cannot run qemu-system-arm")?;
    // The option was renamed in QEMU 8.1.
    let renamed = String::from_utf8_lossy(&help.stdout).contains("one-insn-per-tb");
    let single: &[_] = if renamed { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] };
    Ok([single, &["-d", "exec,nochain"]].concat())
}

/// Runs `emulation`, which has [`options`] among its arguments, to its end.
///
/// # Errors
/// Where it cannot be started, executes what is no code, or never reaches a mark.
pub(crate) fn run(emulation: &mut Command, code: &Code) -> Result<Traced> {
    let mut child = emulation.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("the emulation's output was not captured");
    };
    let reader = thread::spawn(move || {
        let mut printed = String::new();
        stdout.read_to_string(&mut printed).map(|_| printed)
    });
    let costs = follow(BufReader::with_capacity(1 << 20, stderr), code);
    // On an error nobody reads on, and QEMU ends with its pipe.
    let costs = costs.inspect_err(|_| drop(child.kill()))?;
    child.wait()?;
    let Ok(printed) = reader.join() else { bail!("the reader of the emulation's output failed") };
    ensure!(!costs.is_empty(), "the firmware reached no mark");
    Ok(Traced { printed: printed?, costs })
}

/// Reads the log and sums up what lies between marks.
fn follow(mut log: impl BufRead, code: &Code) -> Result<Vec<Cost>> {
    let (begin, begin_bytes) = code.marks.begin;
    let (mut costs, mut line) = (Vec::new(), Vec::new());
    let mut counting: Option<Processor> = None;
    while log.read_until(b'\n', &mut line)? > 0 {
        if let Some(address) = address(&line) {
            if address == code.marks.end {
                costs.extend(counting.take().map(|processor| processor.cost));
            } else if address == begin {
                counting = Some(Processor::default());
            } else if let Some(processor) = &mut counting
                && !(begin..begin + begin_bytes).contains(&address)
            {
                let (instruction, bytes) = code.at(address)?;
                processor.execute(address, bytes, instruction);
            }
        }
        line.clear();
    }
    Ok(costs)
}

/// The program counter in a line `Trace 0: HOST [FLAGS/PC/FLAGS/FLAGS] SYMBOL`.
fn address(line: &[u8]) -> Option<u32> {
    let line = line.strip_prefix(b"Trace ")?;
    let open = line.iter().position(|byte| *byte == b'[')?;
    let mut fields = line.get(open + 1..)?.split(|byte| *byte == b'/');
    let field = std::str::from_utf8(fields.nth(1)?).ok()?;
    u32::from_str_radix(field, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{Code, Marks, address, follow};

    #[test]
    fn the_program_counter_is_found_in_lines_of_old_and_new_releases() {
        let old = b"Trace 0: 0x7f2c84000100 [00800408/00000400/00000110/ff000201] Reset\n";
        let new = b"Trace 0: 0x7f2c84000100 [00800408/0000000000000400/00000110/ff000201] Reset\n";
        assert_eq!((address(old), address(new)), (Some(0x400), Some(0x400)));
        assert_eq!(address(b"Stopped execution of TB chain before 0x7f2c8410bb00 [0000d90c] main\n"), None);
    }

    #[test]
    fn only_what_lies_between_the_marks_is_counted() {
        // 0: begin, bx lr; 2: adds; 4: vdiv; 8: end.
        let halves = vec![0x4770, 0x3001, 0xeec4, 0x4aa7, 0x4770];
        let code = Code { halves, marks: Marks { begin: (0, 2), end: 8 } };
        let log: String =
            [2, 0, 2, 4, 8, 2, 0, 2, 8].iter().map(|pc| format!("Trace 0: 0x1 [0/{pc:08x}/0/0] f\n")).collect();
        let costs = follow(log.as_bytes(), &code).unwrap();
        let counts: Vec<_> = costs.iter().map(|cost| (cost.instructions, cost.cycles)).collect();
        assert_eq!(counts, [(2, 15), (1, 1)]);
    }
}
