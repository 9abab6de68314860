//! Objects for tests: `good/` is what Flagger users have, `bad/` is what is refused and with which sentence.
//!
//! The head of a bad object says who refuses it: `apiserver:`, `settings:` or `both:`, each with the words to expect. The
//! tests on a real cluster read the same files.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// Documents of one file.
pub(crate) struct Good {
    pub(crate) file: String,
    pub(crate) objects: Vec<Value>,
}

/// An object and what is said against it.
pub(crate) struct Bad {
    pub(crate) file: String,
    /// Check number, or "schema".
    pub(crate) check: String,
    /// What `settings`, or the reading of the object, says.
    pub(crate) settings: Option<String>,
    pub(crate) object: Value,
}

pub(crate) fn good() -> Vec<Good> {
    let objects = |text: &str| serde_saphyr::from_multiple(text).unwrap();
    files("good").into_iter().map(|(file, text)| Good { objects: objects(&text), file }).collect()
}

pub(crate) fn bad() -> Vec<Bad> {
    files("bad").into_iter().map(|(file, text)| read(file, &text)).collect()
}

fn read(file: String, text: &str) -> Bad {
    let said = |by: &str| text.lines().find_map(|line| line.strip_prefix(&format!("# {by}: "))).map(str::to_owned);
    Bad {
        check: said("check").unwrap_or_else(|| panic!("{file} does not say which check it fails")),
        settings: said("settings").or_else(|| said("both")),
        object: serde_saphyr::from_str(text).unwrap(),
        file,
    }
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/api/fixtures", folder].iter().collect();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}
