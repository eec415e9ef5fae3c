//! The scan of a usual message allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use envelope::words::{ACCEPTED, HEADER, scan_words};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(text: &str, expected: u32) -> usize {
    let mut out = [0; HEADER];
    let before = COUNT.with(Cell::get);
    let status = scan_words(
        text.as_bytes(),
        0,
        text.len(),
        [64, 50_000, 64, 256, 256, 100],
        &mut out,
    );
    let after = COUNT.with(Cell::get);
    assert_eq!(status, expected);
    after - before
}

#[test]
fn of_a_usual_message_there_are_none() {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"q":"a\nb",
        "limit":10,"deep":{"x":[{"y":[1,2,3]}]}},"_meta":{"progressToken":"t"}}}"#;
    assert_eq!(allocations(call, ACCEPTED), 0);
    assert_eq!(
        allocations(
            r#"{"jsonrpc":"2.0","id":1,"result":{"a":[1,2,{"b":null}]}}"#,
            ACCEPTED
        ),
        0
    );
    assert_eq!(allocations(&"[".repeat(1_000), 4), 0);
    // The counter counts: a key with escapes needs memory.
    assert_ne!(allocations(r#"{"jsonrpc":"2.0","\u006dethod":"m"}"#, ACCEPTED), 0);
}
