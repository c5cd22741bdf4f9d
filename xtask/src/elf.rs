//! What a firmware's ELF file says about itself: flash, static memory, and whether a panic can be reached.

use anyhow::{Context, Result};
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags};

/// Sections by which `riscv-rt` gives all RAM that is left to heap and stack.
const LEFT_OVER: [&str; 2] = [".heap", ".stack"];

/// The measures of one ELF file.
#[derive(Debug)]
pub(crate) struct Measures {
    /// Bytes programmed into flash: code, constants, initial values.
    pub(crate) flash_bytes: u64,
    /// Bytes of RAM taken by static data, zeroed and uninitialised ones included; the stack comes on top.
    pub(crate) static_ram_bytes: u64,
    /// Symbols of the panic machinery that the linker kept.
    pub(crate) panics: Vec<String>,
    /// First address above the stack.
    pub(crate) stack_top: u64,
    /// Address of the function that ends the program.
    pub(crate) end: u64,
}

/// Bytes that an ELF file programs into flash.
///
/// # Errors
/// Where the bytes are no ELF file of a 32-bit target.
pub(crate) fn flash_bytes(bytes: &[u8]) -> Result<u64> {
    let file = ElfFile32::<Endianness>::parse(bytes)?;
    let endian = file.endian();
    let loaded = file.elf_program_headers().iter().filter(|header| header.p_type(endian) == object::elf::PT_LOAD);
    Ok(loaded.map(|header| u64::from(header.p_filesz(endian))).sum())
}

/// Reads `bytes` as the ELF file of a 32-bit target. `marker` is a text that only the panic handler carries, `end` a part of
/// the mangled name of the function that ends the program.
///
/// # Errors
/// Where the bytes are not such a file, or its symbols were stripped, so that their absence would prove nothing.
pub(crate) fn measure(bytes: &[u8], marker: &str, end: &str) -> Result<Measures> {
    let flash_bytes = flash_bytes(bytes)?;
    let file = ElfFile32::<Endianness>::parse(bytes)?;
    let static_ram_bytes = file
        .sections()
        .filter(|section| is_writable(section.flags()) && !section.name().is_ok_and(|name| LEFT_OVER.contains(&name)))
        .map(|section| section.size())
        .sum();

    let address = |wanted: &dyn Fn(&str) -> bool| {
        let symbol = file.symbols().find(|symbol| symbol.name().is_ok_and(wanted));
        symbol.map(|symbol| symbol.address()).context("the ELF file lacks symbols: panics cannot be looked for")
    };
    let stack_top = address(&|name| name == "_stack_start")?;
    let end = address(&|name| name.contains(end))?;
    let names = file.symbols().filter_map(|symbol| symbol.name().ok());
    let mut panics: Vec<String> = names.filter(|name| is_panic(name)).map(str::to_owned).collect();
    if bytes.windows(marker.len()).any(|window| window == marker.as_bytes()) {
        panics.push(format!("the panic handler's text `{marker}`"));
    }
    Ok(Measures { flash_bytes, static_ram_bytes, panics, stack_top, end })
}

/// Whether a section lies in memory at run time and can be written, on every machine and wherever its RAM begins.
fn is_writable(flags: SectionFlags) -> bool {
    use object::elf::{SHF_ALLOC, SHF_WRITE};
    matches!(flags, SectionFlags::Elf { sh_flags, .. } if sh_flags.contains(SHF_ALLOC | SHF_WRITE))
}

fn is_panic(symbol: &str) -> bool {
    let symbol = symbol.to_ascii_lowercase();
    ["panic", "rust_begin_unwind", "unwrap_failed", "expect_failed"].iter().any(|part| symbol.contains(part))
}

#[cfg(test)]
mod tests {
    use super::is_panic;

    #[test]
    fn panic_machinery_is_recognised_by_name() {
        assert!(is_panic("_ZN4core9panicking9panic_fmt17h0123456789abcdefE"));
        assert!(is_panic("_RNvCsabc_7___rustc17rust_begin_unwind"));
        assert!(is_panic("_ZN4core6option13unwrap_failed17hE"));
        assert!(!is_panic("_ZN11hnn_runtime7kernels5dense17hE"));
    }
}
