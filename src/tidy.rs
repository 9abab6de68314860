//! The shape of the code, held by tests: which room may use which, how long things may get, what never lands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms and what they may use besides themselves and `model`. A room that is not here may not exist.
const ROOMS: &[(&str, &[&str])] = &[
    // Pure rooms: no client, socket, clock, randomness or async.
    ("model", &[]),
    ("http", &[]),
    ("object", &[]),
    ("judge", &[]),
    ("schedule", &[]),
    ("plan", &["judge", "schedule"]),
    ("power", &["judge"]),
    ("backtest", &["judge", "power"]),
    ("api", &[]),
    ("settings", &["api", "http", "route", "schedule"]),
    ("route", &["api", "object"]),
    ("metric", &["api", "http", "object", "route"]),
    ("hook", &["http"]),
    ("alert", &["http", "notify"]),
    ("workload", &["api", "object"]),
    ("notify", &["api"]),
    ("scene", &["alert", "api", "metric", "object", "route", "settings", "workload"]),
    ("install", &["api", "object", "route"]),
    ("check", &["api", "http", "install", "judge", "metric", "object", "route", "scene", "settings", "workload"]),
    (
        "sim",
        &["api", "judge", "metric", "notify", "object", "plan", "route", "scene", "schedule", "settings", "workload"],
    ),
    // IO and wiring.
    (
        "world",
        &[
            "alert", "api", "check", "hook", "http", "metric", "notify", "object", "plan", "route", "scene",
            "settings", "workload",
        ],
    ),
    ("loadtest", &["http", "settings", "world"]),
    (
        "cli",
        &[
            "alert", "api", "backtest", "check", "http", "install", "judge", "loadtest", "metric", "notify", "object",
            "plan", "power", "route", "scene", "settings", "sim", "workload", "world",
        ],
    ),
    ("tidy", &[]),
];

/// What the pure rooms never name.
const IMPURE: &[&str] =
    &["tokio::", "reqwest::Client", "kube::Client", "std::net::", "std::fs::", "std::env::", "async fn"];

const MAX_FILE: usize = 500;
const MAX_MEDIAN: usize = 200;
const MAX_FUNCTION: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `dir` with this extension, sorted.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| fs::read_to_string(&path).map(|text| (path, text)).unwrap();
    files(&root().join("src"), "rs").into_iter().map(read).collect()
}

/// The room of a file: the first part of its path below `src`.
fn room(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// A file without its test module, which may use more.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

fn used(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    paths.map(name).filter(|name: &String| !name.is_empty()).collect()
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    for (path, text) in sources() {
        let room = room(&path);
        if matches!(room.as_str(), "lib" | "main" | "tidy") {
            continue;
        }
        let allowed =
            allowed.get(room.as_str()).unwrap_or_else(|| panic!("{room} is no room; say in ROOMS what it may use"));
        for other in used(product(&text)) {
            let fine = other == room || other == "model" || allowed.contains(&other.as_str());
            assert!(fine, "{} uses {other}, which {room} may not", path.display());
        }
    }
}

#[test]
fn pure_rooms_name_no_io() {
    for (path, text) in sources() {
        if !matches!(room(&path).as_str(), "world" | "loadtest" | "cli" | "main" | "tidy" | "lib") {
            for word in IMPURE {
                assert!(!product(&text).contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn files_and_functions_stay_short() {
    let mut lengths = Vec::new();
    for (path, text) in sources() {
        let length = text.lines().count();
        assert!(length <= MAX_FILE, "{} has {length} lines of {MAX_FILE}", path.display());
        lengths.push(product(&text).lines().count());
        if path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs") {
            continue;
        }
        for (name, length) in functions(product(&text)) {
            assert!(length <= MAX_FUNCTION, "{}: fn {name} has {length} lines of {MAX_FUNCTION}", path.display());
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < MAX_MEDIAN, "half of the files have more than {median} lines");
}

/// Name and length of each function of a formatted file: it ends at the brace that stands below its first word.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut open: Option<(String, String, usize)> = None;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if let Some((name, end, start)) = &open {
            if line == end {
                found.push((name.clone(), number - start + 1));
                open = None;
            }
        } else if let Some((before, after)) = line.split_once("fn ")
            && !line.trim_start().starts_with("//")
            && !line.trim_end().ends_with([';', '}'])
        {
            let indent: String = before.chars().take_while(|c| *c == ' ').collect();
            let name = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            open = Some((name, format!("{indent}}}"), number));
        }
    }
    found
}

#[test]
fn nothing_unfinished_lands() {
    let words = ["todo!", "dbg!", "unimplemented!", "#[ignore", "FIXME", "XXX"];
    for (path, text) in sources() {
        if room(&path) != "tidy" {
            for word in words {
                assert!(!text.contains(word), "{} holds {word}", path.display());
            }
        }
    }
}

#[test]
fn every_file_is_part_of_the_crate() {
    for (path, _) in sources() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let dir = path.parent().unwrap();
        let parents = match name.as_str() {
            "lib" | "main" => continue,
            "mod" => vec![dir.parent().unwrap().join("mod.rs"), dir.parent().unwrap().join("lib.rs")],
            _ => vec![dir.join("mod.rs"), dir.join("lib.rs"), dir.with_extension("rs")],
        };
        let module = if name == "mod" { dir.file_name().unwrap().to_string_lossy().into_owned() } else { name };
        let declared = parents
            .iter()
            .filter_map(|p| fs::read_to_string(p).ok())
            .any(|text| text.contains(&format!("mod {module};")));
        assert!(declared, "no module declares {}", path.display());
    }
}

#[test]
fn every_room_says_what_it_is_for() {
    for (room, _) in ROOMS {
        let path = root().join("src").join(room).join("mod.rs");
        let text =
            fs::read_to_string(&path).or_else(|_| fs::read_to_string(root().join("src").join(format!("{room}.rs"))));
        assert!(text.is_ok_and(|t| t.starts_with("//! ")), "{room} has no first sentence");
    }
}
