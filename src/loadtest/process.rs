//! One command, from its start to its end: in a process group of its own, so that nothing of it outlives its time.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is kept of the output, in bytes: its end, where the cause of a failure stands.
const KEPT: usize = 64 * 1024;
/// So often it is seen whether a command has ended.
const GLANCE: Duration = Duration::from_millis(20);
/// So long the last output may take to arrive after the end; children in the background may hold the pipe open for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A program and its arguments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) args: Vec<String>,
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ended {
    /// Why it counts as failed, where it does.
    pub(super) failure: Option<String>,
    /// What it wrote, standard output and errors as they came.
    pub(super) output: String,
}

/// Tells a command from outside that nobody wants it any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(super) fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs a command to its end, or to the end of its time. Blocks the thread.
pub(super) fn run(program: &Program, limit: Duration, cancel: &Cancel) -> Ended {
    let unstarted = |error: std::io::Error| Ended {
        failure: Some(format!("{} cannot be started: {error}; is it in the image?", program.name)),
        output: String::new(),
    };
    let (mut child, output) = match start(program) {
        Ok(started) => started,
        Err(error) => return unstarted(error),
    };
    let failure = match wait(&mut child, limit, cancel) {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{} ended with {status}", program.name)),
        Err(why) => {
            kill(&mut child);
            Some(format!("{} was killed: {why}", program.name))
        }
    };
    Ended { failure, output: output.take() }
}

fn start(program: &Program) -> std::io::Result<(Child, Output)> {
    let (reader, writer) = std::io::pipe()?;
    let mut command = Command::new(program.name);
    command.args(&program.args).process_group(0);
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let child = command.spawn()?;
    // Order: the command holds the writing ends, and the reader sees the end of the output only when all of them are gone.
    drop(command);
    Ok((child, Output::of(reader)))
}

/// Its status, or why it must not go on.
fn wait(child: &mut Child, limit: Duration, cancel: &Cancel) -> Result<ExitStatus, String> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if cancel.is_cancelled() => return Err("nobody waits for it any more".to_owned()),
            Ok(None) if began.elapsed() >= limit => return Err(format!("it ran for {} s", limit.as_secs_f64())),
            Ok(None) => thread::sleep(GLANCE),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Ends the command with all its children. The group is reached through the shell, whose builtin needs no privilege and no
/// unsafe code; where there is no shell there are no children of one.
fn kill(child: &mut Child) {
    let group = format!("kill -KILL -{}", child.id());
    // Each fails only where the other has worked, or where it has ended by itself.
    let _ = Command::new("sh").args(["-c", &group]).stdin(Stdio::null()).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

/// The end of what a command writes, read beside it so that it never waits for a reader.
struct Output {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: thread::JoinHandle<()>,
}

impl Output {
    fn of(mut reader: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeps = Arc::clone(&kept);
        let reading = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                let mut kept = keeps.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(chunk.iter().take(read));
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
        });
        Self { kept, reading }
    }

    fn take(&self) -> String {
        let began = Instant::now();
        while !self.reading.is_finished() && began.elapsed() < LAST_WORDS {
            thread::sleep(Duration::from_millis(1));
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Program {
        Program { name: "sh", args: vec!["-c".to_owned(), script.to_owned()] }
    }

    #[test]
    fn output_and_errors_come_together_and_a_failure_says_its_status() {
        let ended = run(&sh("echo one; echo two >&2; exit 3"), LONG, &Cancel::default());
        assert_eq!(ended.output, "one\ntwo\n");
        assert_eq!(ended.failure.as_deref(), Some("sh ended with exit status: 3"));
        assert_eq!(run(&sh("true"), LONG, &Cancel::default()), Ended { failure: None, output: String::new() });
    }

    #[test]
    fn a_command_that_takes_too_long_ends_with_its_children() {
        let ended = run(&sh("sleep 1000 & echo $!; wait"), Duration::from_millis(200), &Cancel::default());
        assert_eq!(ended.failure.as_deref(), Some("sh was killed: it ran for 0.2 s"));
        // The kernel ends it when it next runs; then it may wait for its reaper. A child that lives would never get there.
        let runs = || {
            let child = std::fs::read_to_string(format!("/proc/{}/stat", ended.output.trim())).unwrap_or_default();
            !child.is_empty() && !child.contains(") Z ")
        };
        while runs() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_command_that_nobody_waits_for_ends() {
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(run(&sh("sleep 1000"), LONG, &cancel).failure.is_some_and(|why| why.contains("nobody waits")));
    }

    #[test]
    fn a_flood_of_output_holds_nobody_up_and_its_end_is_kept() {
        let ended = run(&sh("yes | head -c 1000000; echo done"), LONG, &Cancel::default());
        assert!(ended.output.ends_with("done\n") && ended.output.len() <= KEPT, "{}", ended.output.len());
    }

    #[test]
    fn a_missing_program_names_the_image() {
        let ended = run(&Program { name: "no-such-program", args: vec![] }, LONG, &Cancel::default());
        assert!(ended.failure.is_some_and(|why| why.contains("is it in the image?")));
    }
}
