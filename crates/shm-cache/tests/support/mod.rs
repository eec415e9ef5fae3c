//! Directories and child processes of the tests. A child is this test program again, running its test `child` alone, with
//! what it is to do in the environment.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate
)]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use shm_cache::{Segment, SegmentOptions, Store};

pub const FOREVER: u64 = u64::MAX;
const ROLE: &str = "SHM_CACHE_ROLE";
const DIRECTORY: &str = "SHM_CACHE_DIRECTORY";

/// A directory that only this test uses; removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("shm-cache-test-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn list(&self) -> PathBuf {
        self.0.join("test")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn options(directory: &Path) -> SegmentOptions {
    SegmentOptions {
        name: "test".to_owned(),
        directory: Some(directory.to_owned()),
        bytes: 1 << 20,
        max_entry: 32 << 10,
    }
}

pub fn open(directory: &Path) -> Segment {
    Segment::open(&options(directory)).unwrap()
}

pub fn read(store: &impl Store, key: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    store.get(key, 1, &mut out).then_some(out)
}

/// A value that tells which key and version it belongs to, and whether it is whole.
pub fn value(key: u64, version: u64, length: usize) -> Vec<u8> {
    let mut state = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ version;
    let mut value = [key.to_le_bytes(), version.to_le_bytes()].concat();
    for _ in 0..length.div_ceil(8) {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        value.extend_from_slice(&(state ^ state >> 29).to_le_bytes());
    }
    value.truncate(16 + length);
    value
}

/// The version of a value; panics when it is not one of `key`, whole.
pub fn version(key: u64, bytes: &[u8]) -> u64 {
    let word = |at: usize| u64::from_le_bytes(bytes.get(at..at + 8).unwrap().try_into().unwrap());
    let version = word(8);
    assert!(
        value(key, version, bytes.len() - 16) == bytes,
        "a value of {key} is not what was put"
    );
    version
}

/// A child process; killed when dropped, also when it is stopped.
pub struct Process(pub Child);

impl Process {
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), signal).unwrap();
    }

    /// Stops it and waits until all its threads have stopped.
    pub fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
        let pid = rustix::process::Pid::from_child(&self.0);
        let status = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED).unwrap();
        assert!(status.is_some_and(|(_, status)| status.stopped()));
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// True when it ended without a failed assertion or a signal.
    pub fn succeeds(mut self) -> bool {
        self.0.wait().unwrap().success()
    }

    /// Waits for the child to say `ready`.
    pub fn await_ready(&mut self) {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().ends_with("ready")),
            "the child has ended"
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts this program as a child that runs `role`.
pub fn start(role: &str, directory: &Path) -> Process {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(DIRECTORY, directory)
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    Process(child)
}

/// Tells the parent to go on.
pub fn ready() {
    println!("ready");
}

/// What a child is to do, split at spaces, and where; `None` in the test run itself.
pub fn role() -> Option<(Vec<String>, PathBuf)> {
    let role = env::var(ROLE).ok()?;
    let words = role.split(' ').map(str::to_owned).collect();
    Some((words, env::var_os(DIRECTORY)?.into()))
}

/// A small pseudo-random number generator.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
