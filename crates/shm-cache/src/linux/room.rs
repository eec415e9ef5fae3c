//! Whether there is room for shared memory, asked before it is made: going over some of these limits is a signal, not an
//! error.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use crate::error::Error;

/// Refuses `bytes` that a limit of this process or its container, or the machine, has no room for.
pub fn check(bytes: usize) -> Result<(), Error> {
    let bytes = bytes as u64;
    // Growing a file over this limit is SIGXFSZ.
    if getrlimit(Resource::Fsize)
        .current
        .is_some_and(|limit| limit < bytes)
    {
        return Err(Error::NoRoom("the limit of file sizes (RLIMIT_FSIZE) is smaller"));
    }
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    if available(&text(Path::new("/proc/meminfo"))).is_some_and(|free| bytes > free / 2) {
        return Err(Error::NoRoom("it is more than half of the memory that is free"));
    }
    // Going over the limit of a control group ends a process.
    let groups = text(Path::new("/proc/self/cgroup"));
    let limits = limit_files(&groups);
    if limits
        .iter()
        .filter_map(|path| limit(&text(Path::new(path))))
        .any(|limit| bytes > limit / 2)
    {
        return Err(Error::NoRoom(
            "it is more than half of what the control group may use",
        ));
    }
    Ok(())
}

/// `MemAvailable` in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// Files with the limits of all control groups the process is in.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // The limits of the groups around it count as well. In a container the path may be one of the host.
        files.extend(Path::new(path).ancestors().map(|group| {
            let group = group.to_string_lossy();
            format!("{root}{}/{file}", group.trim_end_matches('/'))
        }));
    }
    files
}

/// A limit in bytes, if there is one.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_limits_of_both_kinds_of_groups() {
        let files = limit_files("0::/a/b\n5:cpu,memory:/c\n3:cpu:/d\nnonsense\n");
        assert_eq!(
            files,
            [
                "/sys/fs/cgroup/a/b/memory.max",
                "/sys/fs/cgroup/a/memory.max",
                "/sys/fs/cgroup/memory.max",
                "/sys/fs/cgroup/memory/c/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            ]
        );
        assert_eq!(limit("1048576\n"), Some(1 << 20));
        assert_eq!(limit("max\n"), None);
    }

    #[test]
    fn reads_what_is_free() {
        assert_eq!(
            available("MemTotal: 9 kB\nMemAvailable:    2048 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(available("MemTotal: 9 kB\n"), None);
        assert_eq!(available("MemAvailable: 99999999999999999999 kB\n"), None);
    }

    #[test]
    fn refuses_more_than_the_machine_has() {
        assert_eq!(check(1 << 20), Ok(()));
        assert!(matches!(check(usize::MAX), Err(Error::NoRoom(_))));
    }
}
