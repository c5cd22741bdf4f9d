//! Pieces of source text that are taken where they are needed, and left out where they are not.
//!
//! A file of a library is cut into its top-level items. What an item needs is what it names, so the closure of a few names
//! is all that has to be written out; the order is that of the file. This works on any text whose items begin at the left
//! margin and end where their brackets close, which rustfmt and the C fragments here guarantee. It knows no grammar beyond
//! that.

use std::collections::{BTreeMap, BTreeSet};

/// One file of a library.
#[derive(Debug, Clone)]
pub(crate) struct Module {
    /// Its name; items of other modules are found by it.
    pub(crate) name: &'static str,
    /// Lines `use path::{names}`, path and names.
    pub(crate) imports: Vec<(String, Vec<String>)>,
    /// Items in their order.
    pub(crate) items: Vec<Item>,
}

/// A function, constant, type or trait with its comments; an `impl` belongs to the item before it.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// What it defines.
    pub(crate) name: String,
    /// Its text, comments included.
    pub(crate) text: String,
}

/// Name of a module and of one of its items.
pub(crate) type Wanted = (&'static str, String);

impl Module {
    /// Cuts `text` into items; what only a test build has is left out.
    pub(crate) fn new(name: &'static str, text: &str) -> Self {
        let mut module = Self { name, imports: Vec::new(), items: Vec::new() };
        for piece in pieces(text) {
            let code = without_comments(&piece);
            if code.contains("#[cfg(test)]") || code.contains("cfg(all(test") {
                continue;
            }
            if code.trim_start().starts_with("pub use ") {
                continue;
            } else if let Some(import) = code.trim_start().strip_prefix("use ") {
                module.imports.push(parse_import(import));
            } else if code.trim_start().starts_with("impl") {
                if let Some(item) = module.items.last_mut() {
                    item.text = format!("{}\n\n{piece}", item.text);
                }
            } else if let Some(name) = defined(&code) {
                module.items.push(Item { name, text: piece });
            }
        }
        module
    }

    fn item(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name == name)
    }

    /// Names after `import`'s path that the kept items of this module use.
    pub(crate) fn used<'a>(&self, names: &'a [String], kept: &BTreeSet<Wanted>) -> Vec<&'a str> {
        let texts = self.items.iter().filter(|item| kept.contains(&(self.name, item.name.clone())));
        let words: BTreeSet<String> = texts.flat_map(|item| words(&item.text)).collect();
        names.iter().map(String::as_str).filter(|name| words.contains(*name)).collect()
    }
}

/// Everything that `roots` need, themselves included; a name that no module defines is left out, and given back.
pub(crate) fn closure(modules: &[Module], roots: &[Wanted]) -> Result<BTreeSet<Wanted>, String> {
    let by_name: BTreeMap<&str, &Module> = modules.iter().map(|module| (module.name, module)).collect();
    let (mut kept, mut open) = (BTreeSet::new(), roots.to_vec());
    while let Some((module, name)) = open.pop() {
        let found = by_name.get(module).and_then(|module| Some((*module, module.item(&name)?)));
        let Some((module, item)) = found else { return Err(format!("{module}::{name}")) };
        if !kept.insert((module.name, name)) {
            continue;
        }
        for word in words(&item.text) {
            if module.item(&word).is_some() {
                open.push((module.name, word));
            } else if let Some((path, _)) = module.imports.iter().find(|(_, names)| names.contains(&word)) {
                let target = path.rsplit("::").next().and_then(|last| by_name.get(last));
                open.extend(target.filter(|target| target.item(&word).is_some()).map(|target| (target.name, word)));
            }
        }
    }
    Ok(kept)
}

/// The top-level items of a text, each with the comments and attributes above it.
fn pieces(text: &str) -> Vec<String> {
    let (mut pieces, mut lines, mut depth) = (Vec::new(), Vec::new(), 0i32);
    let mut in_comment = false;
    for line in text.lines().filter(|line| !line.starts_with("//!")) {
        if depth == 0 && line.trim().is_empty() {
            continue;
        }
        lines.push(line);
        in_comment = (in_comment || line.trim_start().starts_with("/*")) && !line.contains("*/");
        if in_comment || is_comment(line) {
            continue;
        }
        let code = without_comments(line);
        for letter in code.chars() {
            match letter {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        if depth == 0 && code.trim_end().ends_with([';', '}']) {
            pieces.push(kept_lines(&lines));
            lines.clear();
        }
    }
    pieces
}

/// Without the features that a build of the library chooses: a piece is there because it is needed.
fn kept_lines(lines: &[&str]) -> String {
    let kept: Vec<&str> = lines.iter().copied().filter(|line| !line.starts_with("#[cfg(")).collect();
    kept.join("\n")
}

/// The text without line comments and comments in `/* */` that end on their line.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.split_once("//").map_or(line, |(code, _)| code);
        match (line.find("/*"), line.find("*/")) {
            (Some(open), Some(close)) if open < close => format!("{}{}", &line[..open], &line[close + 2..]),
            (Some(open), None) => line[..open].to_owned(),
            _ => line.to_owned(),
        }
    });
    lines.filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n")
}

/// Whether a line is nothing but a comment, or the inside of one.
fn is_comment(line: &str) -> bool {
    let line = line.trim();
    line == "*" || ["* ", "*/", "/*", "//"].iter().any(|begin| line.starts_with(begin))
}

/// `path::{a, b};` or `path::a;`, the text after `use `.
fn parse_import(text: &str) -> (String, Vec<String>) {
    let text = text.trim_end().trim_end_matches(';');
    let (path, names) = match text.split_once("::{") {
        Some((path, names)) => (path, names.trim_end_matches('}')),
        None => text.rsplit_once("::").unwrap_or(("", text)),
    };
    let names = names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    (path.to_owned(), names.collect())
}

/// The name after the word that defines it: of a Rust item, or the function, table or type of a C fragment.
fn defined(code: &str) -> Option<String> {
    let code: String = code.lines().filter(|line| !line.starts_with("#[")).collect::<Vec<_>>().join(" ");
    let code = code.trim_start();
    if let Some(rest) = code.strip_prefix("#define ") {
        return words(rest).into_iter().next();
    }
    let words = words(code);
    let at = words.iter().position(|word| ["fn", "struct", "trait", "type", "mod", "enum"].contains(&word.as_str()));
    let at = at.or_else(|| words.iter().position(|word| word == "const" && code.contains(": ")));
    if let Some(at) = at.filter(|_| !code.starts_with("static ") && !code.starts_with("typedef ")) {
        return words.get(at + 1).cloned();
    }
    if let Some((_, name)) = code.split_once("(*").filter(|_| code.starts_with("typedef ")) {
        return self::words(name).into_iter().next();
    }
    // C: the word before the first bracket of a function or table, before the assignment, or the last of a type.
    let end = code.find(['(', '[', '=']).filter(|_| code.starts_with("static ")).unwrap_or(code.len());
    self::words(&code[..end]).into_iter().next_back()
}

/// Identifiers in order of their appearance in the code; comments have none.
pub(crate) fn words(text: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let code = without_comments(text);
    let words = code.split(|letter| !is_part(letter));
    words
        .filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_'))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! Doc.\n\nuse super::other::{far, unused};\n\n/// A (half) bracket: {\nconst ONE: f32 = 1.0;\n\n\
                        /// Two.\n#[cfg(feature = \"x\")]\nfn two() -> f32 {\n    far() + ONE\n}\n\nfn three() {}\n\n\
                        #[cfg(test)]\nmod tests {}\n";

    #[test]
    fn a_closure_has_what_is_named_and_nothing_else() {
        let modules = [Module::new("own", TEXT), Module::new("other", "fn far() {}\n\nfn unused() {}\n")];
        let kept = closure(&modules, &[("own", "two".to_owned())]).unwrap();
        let names: Vec<String> = kept.iter().map(|(module, name)| format!("{module}::{name}")).collect();
        assert_eq!(names, ["other::far", "own::ONE", "own::two"]);
        assert_eq!(modules[0].used(&modules[0].imports[0].1, &kept), ["far"]);
        assert!(!modules[0].items[1].text.contains("cfg"), "{}", modules[0].items[1].text);
        assert_eq!(closure(&modules, &[("own", "missing".to_owned())]), Err("own::missing".to_owned()));
    }

    #[test]
    fn items_of_c_are_found_by_their_names() {
        let text = "/* A table;\n * of two. */\nstatic const float table[2] = {\n    1.0f, 2.0f\n};\n\n\
                    static float square(float x)\n{\n    return x * x;\n}\n\nstatic const float half = 0.5f;\n";
        let names: Vec<String> = Module::new("c", text).items.into_iter().map(|item| item.name).collect();
        assert_eq!(names, ["table", "square", "half"]);
    }

    #[test]
    fn an_implementation_stays_with_its_type() {
        let module = Module::new("own", "struct A;\n\nimpl A {\n    fn b() {}\n}\n");
        assert_eq!(module.items.len(), 1);
        assert!(module.items[0].text.ends_with('}'));
    }
}
