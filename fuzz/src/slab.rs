//! Records on both sides of the hand-over: whatever bytes stand in a slab, they are refused or read back as written.

use front::slab::{Reply, Request};

use crate::input::Input;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let requests = input.byte() & 1 == 1;
    if requests {
        read_requests(input.0)
    } else {
        read_replies(input.0)
    }
}

fn read_replies(slab: &[u8]) {
    let mut replies = Vec::new();
    let whole = Reply::decode_all(slab, |reply| replies.push(reply));
    let end = whole.err().map_or(slab.len(), |broken| broken.offset);
    assert!(end <= slab.len());
    let mut written = Vec::new();
    for reply in &replies {
        for (_, value) in &reply.fields {
            assert!(
                !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)),
                "a field could split the response"
            );
        }
        assert!((200..=599).contains(&reply.status));
        reply.encode(&mut written).expect("what was read can be written");
    }
    let mut again = Vec::new();
    assert_eq!(Reply::decode_all(&written, |reply| again.push(reply)), Ok(()));
    assert_eq!(replies, again);
}

fn read_requests(mut slab: &[u8]) {
    while let Some((request, size)) = Request::decode(slab) {
        assert!(size <= slab.len());
        let mut out = vec![0; request.size()];
        if let Some(written) = request.encode(&mut out) {
            assert_eq!(written, out.len());
            let (again, length) = Request::decode(&out).expect("what was written can be read");
            assert_eq!(length, written);
            assert_eq!(
                (again.token, again.kind, again.modern, &again.words, &again.fields),
                (
                    request.token,
                    request.kind,
                    request.modern,
                    &request.words,
                    &request.fields
                )
            );
            assert!(again.body == request.body || request.detached());
        }
        slab = slab.get(size.max(1)..).unwrap_or_default();
    }
}
