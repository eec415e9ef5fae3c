//! Opening shared memory: who shares with whom, and what is refused.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, non_snake_case)]

mod support;

use std::fs::{self, OpenOptions, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use shm_cache::{Error, Kind, Segment, SegmentOptions, Store};
use support::{FOREVER, Scratch, open, options, read, ready, role, start};

#[test]
fn shares_what_one_puts() {
    let scratch = Scratch::new();
    let (one, two) = (open(scratch.path()), open(scratch.path()));
    assert_eq!(one.incarnation(), two.incarnation());
    one.put(b"key", b"value", FOREVER).unwrap();
    assert_eq!(read(&two, b"key"), Some(b"value".to_vec()));
    assert!(two.remove(b"key") && !two.remove(b"key"));
    assert_eq!(read(&one, b"key"), None);
    one.put(b"key", b"value", FOREVER).unwrap();
    two.clear();
    assert_eq!(read(&one, b"key"), None);
    assert_eq!(
        (one.stats().hits, one.stats().misses, one.stats().puts),
        (0, 2, 2)
    );
    assert_eq!((two.stats().hits, two.stats().entries), (1, 0));
}

#[test]
fn goes_with_the_last_one() {
    let scratch = Scratch::new();
    let one = open(scratch.path());
    let two = open(scratch.path());
    let incarnation = one.incarnation();
    drop(one);
    assert_eq!(
        open(scratch.path()).incarnation(),
        incarnation,
        "two still has it"
    );
    drop(two);
    assert!(!scratch.list().exists(), "nothing stays behind");
    assert_ne!(open(scratch.path()).incarnation(), incarnation);
}

#[test]
fn the_first_one_chooses_the_size() {
    let scratch = Scratch::new();
    let first = open(scratch.path());
    let second = Segment::open(&SegmentOptions {
        bytes: 4 << 20,
        max_entry: 99,
        ..options(scratch.path())
    })
    .unwrap();
    assert_eq!(second.incarnation(), first.incarnation());
    assert_eq!(
        (second.stats().capacity, second.stats().max_entry),
        (1 << 20, 32 << 10)
    );
}

#[test]
fn other_names_and_directories_are_other_memory() {
    let (scratch, other) = (Scratch::new(), Scratch::new());
    let one = open(scratch.path());
    let two = Segment::open(&SegmentOptions {
        name: "b".to_owned(),
        ..options(scratch.path())
    })
    .unwrap();
    let three = open(other.path());
    one.put(b"key", b"value", FOREVER).unwrap();
    assert_eq!((read(&two, b"key"), read(&three, b"key")), (None, None));
}

#[test]
fn stores_up_to_the_largest_entry() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let limit = 32 << 10;
    for length in [0, 1, 7, 8, 9, 100, limit - 3] {
        let value: Vec<u8> = (0..length).map(|index: usize| index.to_le_bytes()[0]).collect();
        assert_eq!(segment.put(b"key", &value, FOREVER), Ok(true));
        assert_eq!(read(&segment, b"key"), Some(value));
    }
    let refused = segment.put(b"key", &vec![0; limit - 2], FOREVER);
    assert_eq!(
        refused,
        Err(Error::EntryTooLarge {
            bytes: limit + 1,
            limit
        })
    );
    assert_eq!(read(&segment, b"key"), None, "the older value is gone");
    assert_eq!(segment.stats().refused, 1);
    let key = vec![1; limit];
    assert_eq!(segment.put(&key, b"", FOREVER), Ok(true));
    assert_eq!(read(&segment, &key), Some(Vec::new()));
    assert_eq!(segment.put(b"", b"empty key", FOREVER), Ok(true));
    assert_eq!(read(&segment, b""), Some(b"empty key".to_vec()));
}

#[test]
fn an_entry_ends_when_it_expires() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    segment.put(b"key", b"value", 100).unwrap();
    let mut out = Vec::new();
    assert!(segment.get(b"key", 99, &mut out));
    assert!(!segment.get(b"key", 100, &mut out));
    assert_eq!(out, b"value");
    assert_eq!(segment.stats().entries, 0);
}

#[test]
fn its_size_stays_and_it_says_what_it_lost() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    for index in 0..20_000_u32 {
        segment.put(&index.to_le_bytes(), &[1; 300], FOREVER).unwrap();
    }
    let stats = segment.stats();
    assert_eq!(stats.capacity, 1 << 20);
    assert!(
        stats.bytes <= stats.capacity && stats.bytes > stats.capacity / 10 * 9,
        "{stats:?}"
    );
    assert!((2_000..3_000).contains(&stats.entries), "{stats:?}");
    // Those that will go next are counted already.
    let gone = stats.evictions + stats.entries;
    assert!((20_000..20_000 + stats.entries / 3).contains(&gone), "{stats:?}");
}

#[test]
fn refuses_options_out_of_range() {
    let scratch = Scratch::new();
    let fine = options(scratch.path());
    for wrong in [
        SegmentOptions {
            name: String::new(),
            ..fine.clone()
        },
        SegmentOptions {
            name: "../up".to_owned(),
            ..fine.clone()
        },
        SegmentOptions {
            name: "x".repeat(33),
            ..fine.clone()
        },
        SegmentOptions {
            bytes: 0,
            ..fine.clone()
        },
        SegmentOptions {
            bytes: usize::MAX,
            ..fine.clone()
        },
        SegmentOptions {
            max_entry: 0,
            ..fine.clone()
        },
        SegmentOptions {
            max_entry: usize::MAX,
            ..fine
        },
    ] {
        assert!(
            matches!(Segment::open(&wrong), Err(Error::Option(_))),
            "{wrong:?}"
        );
        assert!(
            matches!(shm_cache::open(&wrong), Err(Error::Option(_))),
            "{wrong:?}"
        );
    }
}

#[test]
fn L04_without_room_or_place_the_store_is_in_process() {
    let scratch = Scratch::new();
    let fine = options(scratch.path());
    fs::write(scratch.path(), b"a file").unwrap();
    let missing = scratch.path().join("not/there");
    for (code, wrong) in [
        ("CACHE_UNTRUSTED", fine.clone()),
        ("CACHE_SYSTEM", options(&missing)),
        ("CACHE_SYSTEM", options("/proc/ferromcp".as_ref())),
    ] {
        let opened = shm_cache::open(&wrong).unwrap();
        assert_eq!(opened.kind, Kind::Heap);
        assert_eq!(opened.warning.map(|warning| warning.code()), Some(code));
        opened.store.put(b"key", b"value", FOREVER).unwrap();
        assert!(opened.store.get(b"key", 0, &mut Vec::new()));
        assert_eq!(opened.store.stats().capacity, 1 << 20);
    }
    fs::remove_file(scratch.path()).unwrap();
    let too_large = Segment::open(&SegmentOptions {
        bytes: 1 << 36,
        ..fine
    })
    .err();
    assert!(matches!(too_large, Some(Error::NoRoom(_))), "{too_large:?}");
}

#[test]
fn L04_a_limit_of_file_sizes_is_an_error_and_no_signal() {
    let scratch = Scratch::new();
    assert!(start("limited", scratch.path()).succeeds());
}

fn limited(directory: &std::path::Path) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(512 << 10),
            maximum,
        },
    )
    .unwrap();
    assert!(matches!(
        Segment::open(&options(directory)),
        Err(Error::NoRoom(_))
    ));
    assert_eq!(shm_cache::open(&options(directory)).unwrap().kind, Kind::Heap);
}

#[test]
fn a_directory_of_others_is_refused() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path()).unwrap();
    for mode in [0o755, 0o701, 0o770] {
        fs::set_permissions(scratch.path(), Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(Segment::open(&options(scratch.path())), Err(Error::Untrusted(_))),
            "{mode:o}"
        );
    }
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o700)).unwrap();
    let link = Scratch::new();
    symlink(scratch.path(), link.path()).unwrap();
    assert!(matches!(
        Segment::open(&options(link.path())),
        Err(Error::Untrusted(_))
    ));
    fs::remove_file(link.path()).unwrap();
    assert!(Segment::open(&options(scratch.path())).is_ok());
    // Somebody else's: whoever runs this owns either `/` or not.
    let owner = rustix::process::geteuid();
    if owner.is_root() {
        std::os::unix::fs::chown(scratch.path(), Some(12_345), None).unwrap();
        assert!(matches!(
            Segment::open(&options(scratch.path())),
            Err(Error::Untrusted(_))
        ));
    } else {
        assert!(matches!(
            Segment::open(&options("/".as_ref())),
            Err(Error::Untrusted(_))
        ));
    }
}

#[test]
fn whatever_stands_in_place_of_the_list_is_replaced() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path()).unwrap();
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o700)).unwrap();
    let target = scratch.path().join("target");
    fs::write(&target, b"precious").unwrap();
    let list = scratch.list();
    for kind in ["symlink", "hard link", "directory", "mode", "fifo"] {
        match kind {
            "symlink" => symlink(&target, &list).unwrap(),
            "hard link" => fs::hard_link(&target, &list).unwrap(),
            "directory" => fs::create_dir(&list).unwrap(),
            "mode" => drop(
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o644)
                    .open(&list)
                    .unwrap(),
            ),
            _ => rustix::fs::mkfifoat(rustix::fs::CWD, &list, 0o600.into()).unwrap(),
        }
        let segment = open(scratch.path());
        segment.put(b"key", b"value", FOREVER).unwrap();
        assert_eq!(
            read(&open(scratch.path()), b"key"),
            Some(b"value".to_vec()),
            "{kind}"
        );
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert_eq!(
            fs::symlink_metadata(&list).unwrap().permissions().mode() & 0o777,
            0o600
        );
        drop(segment);
        assert!(!list.exists());
    }
}

#[test]
fn L05_memory_with_a_damaged_header_is_made_anew() {
    let scratch = Scratch::new();
    for word in 0..9 {
        let damaged = open(scratch.path());
        damaged.put(b"key", b"value", FOREVER).unwrap();
        damaged.words()[word].fetch_xor(1 << (word * 7), Ordering::Relaxed);
        let anew = open(scratch.path());
        assert_ne!(anew.incarnation(), damaged.incarnation(), "word {word}");
        assert_eq!(read(&anew, b"key"), None);
        assert_eq!(
            read(&damaged, b"key"),
            Some(b"value".to_vec()),
            "those who have it go on"
        );
        assert_eq!(open(scratch.path()).incarnation(), anew.incarnation());
    }
}

#[test]
fn L05_a_damaged_list_is_a_new_beginning() {
    let scratch = Scratch::new();
    let process = std::process::id();
    let file = fs::File::open("/dev/null").unwrap();
    let pipe = rustix::pipe::pipe().unwrap();
    let own = open(scratch.path());
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap().display().to_string();
    for list in [
        String::new(),
        "\0".repeat(100_000),
        "1 2 3\n".repeat(10_000),
        "-1 -1 -1 x\n".to_owned(),
        format!("{process} {} 1 {namespace}\n", file.as_raw_fd()),
        format!("{process} {} 1 {namespace}\n", pipe.0.as_raw_fd()),
        format!("{process} 99999 1 {namespace}\n4294967295 2147483647 18446744073709551615 {namespace}\n"),
        format!("1 1 1 {namespace}\n0 0 0 {namespace}\n"),
    ] {
        fs::write(scratch.list(), &list).unwrap();
        let anew = open(scratch.path());
        assert_ne!(anew.incarnation(), own.incarnation());
        anew.put(b"key", b"value", FOREVER).unwrap();
        assert_eq!(read(&open(scratch.path()), b"key"), Some(b"value".to_vec()));
    }
}

#[test]
fn memory_that_can_be_truncated_is_not_used() {
    let scratch = Scratch::new();
    let own = open(scratch.path());
    let list = fs::read_to_string(scratch.list()).unwrap();
    let unsealed = rustix::fs::memfd_create(
        "ferromcp-cache",
        rustix::fs::MemfdFlags::CLOEXEC | rustix::fs::MemfdFlags::ALLOW_SEALING,
    )
    .unwrap();
    rustix::fs::fchmod(&unsealed, 0o600.into()).unwrap();
    rustix::fs::ftruncate(&unsealed, 1 << 20).unwrap();
    let copy: Vec<u8> = own.words()[..512]
        .iter()
        .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
        .collect();
    rustix::io::pwrite(&unsealed, &copy, 0).unwrap();
    let inode = rustix::fs::fstat(&unsealed).unwrap().st_ino;
    let namespace = list.trim_end().rsplit(' ').next().unwrap();
    let line = format!(
        "{} {} {inode} {namespace}\n",
        std::process::id(),
        unsealed.as_raw_fd()
    );
    fs::write(scratch.list(), &line).unwrap();
    assert_ne!(open(scratch.path()).incarnation(), own.incarnation());
    // The same with seals is taken: it was these that were missing.
    rustix::fs::fcntl_add_seals(
        &unsealed,
        rustix::fs::SealFlags::SHRINK | rustix::fs::SealFlags::GROW | rustix::fs::SealFlags::SEAL,
    )
    .unwrap();
    fs::write(scratch.list(), &line).unwrap();
    assert_eq!(open(scratch.path()).incarnation(), own.incarnation());
}

#[test]
fn L06_a_process_stopped_with_the_list_locked_does_not_keep_others_out() {
    let scratch = Scratch::new();
    let own = open(scratch.path());
    let mut child = start("lock", scratch.path());
    child.await_ready();
    let before = Instant::now();
    assert_eq!(open(scratch.path()).incarnation(), own.incarnation());
    assert!(
        before.elapsed() > Duration::from_millis(500),
        "the list was locked"
    );
    let before = Instant::now();
    assert_eq!(open(scratch.path()).incarnation(), own.incarnation());
    assert!(
        before.elapsed() < Duration::from_millis(500),
        "only the first one waits"
    );
    child.kill();
}

fn lock(directory: &std::path::Path) {
    let list = fs::File::open(directory.join("test")).unwrap();
    flock(&list, FlockOperation::LockExclusive).unwrap();
    ready();
    kill_process(rustix::process::getpid(), Signal::STOP).unwrap();
    // This thread may not be the first one that stops.
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn child() {
    let Some((words, directory)) = role() else { return };
    match words[0].as_str() {
        "limited" => limited(&directory),
        "lock" => lock(&directory),
        other => panic!("unknown role {other}"),
    }
}
