//! Objects for tests: `good/` is what Flagger users have, `bad/` is what is refused and with which sentence.
//!
//! The head of a bad object says which check it fails and who refuses it with which words: `apiserver:`, `settings:`, or
//! `both:`. The tests on a real cluster include this file and read the same objects.

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
    pub(crate) object: Value,
    text: String,
}

impl Bad {
    /// What the head says after `# by: `, or of `both`.
    pub(crate) fn said(&self, by: &str) -> Option<&str> {
        let after = |word: &str| self.text.lines().find_map(|line| line.strip_prefix(&format!("# {word}: ")));
        after(by).or_else(|| after("both"))
    }
}

pub(crate) fn good() -> Vec<Good> {
    let objects = |text: &str| serde_saphyr::from_multiple(text).unwrap();
    files("good").into_iter().map(|(file, text)| Good { objects: objects(&text), file }).collect()
}

pub(crate) fn bad() -> Vec<Bad> {
    let object = |text: &str| serde_saphyr::from_str(text).unwrap();
    files("bad").into_iter().map(|(file, text)| Bad { object: object(&text), file, text }).collect()
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/api/fixtures", folder].iter().collect();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}
