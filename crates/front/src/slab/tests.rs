use super::*;
use proptest::prelude::*;

fn requests() -> impl Strategy<Value = Request> {
    let fields = proptest::collection::vec(
        (
            1_u16..14,
            "[a-z-]{0,20}",
            proptest::collection::vec(any::<u8>(), 0..40),
        ),
        0..8,
    );
    (
        0..5_usize,
        0..1_u64 << 53,
        any::<bool>(),
        0..4_u16,
        proptest::collection::vec(any::<u32>(), 0..30),
        fields,
        proptest::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(kind, token, modern, flags, words, list, body)| {
            let mut fields = Fields::default();
            for (id, name, value) in list {
                fields.push(id, name.as_bytes(), &value);
            }
            let kinds = [
                RecordKind::Message,
                RecordKind::Get,
                RecordKind::Delete,
                RecordKind::Route,
                RecordKind::Gone,
            ];
            Request {
                kind: kinds[kind],
                token,
                modern,
                flags,
                words,
                fields,
                body: body.into(),
            }
        })
}

fn replies() -> impl Strategy<Value = Reply> {
    let fields = proptest::collection::vec((1_u16..8, "[ -~\t]{0,30}"), 0..5);
    (
        any::<u64>(),
        0..=reply_flag::ALL,
        200_u16..600,
        fields,
        proptest::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(token, flags, status, fields, body)| Reply {
            token,
            flags,
            status,
            fields: fields.into_iter().map(|(id, value)| (id, value.into())).collect(),
            body: body.into(),
        })
}

proptest! {
    #[test]
    fn requests_survive(list in proptest::collection::vec(requests(), 0..5)) {
        let mut slab = vec![0xff; MIN_SLAB];
        let mut at = 0;
        for request in &list {
            let size = request.encode(&mut slab[at..]).expect("room");
            prop_assert_eq!((size % 8, size), (0, request.size()));
            at += size;
        }
        let mut from = 0;
        for request in &list {
            let (decoded, size) = Request::decode(&slab[from..at]).expect("sound");
            prop_assert_eq!(&decoded, request);
            from += size;
        }
        prop_assert_eq!(from, at);
    }

    #[test]
    fn a_request_that_does_not_fit_writes_nothing(request in requests(), missing in 1_usize..33) {
        let mut slab = vec![0xaa; request.size().saturating_sub(missing)];
        prop_assert_eq!(request.encode(&mut slab), None);
        prop_assert!(slab.iter().all(|byte| *byte == 0xaa));
    }

    #[test]
    fn replies_survive(list in proptest::collection::vec(replies(), 0..5)) {
        let mut slab = Vec::new();
        for reply in &list {
            reply.encode(&mut slab).expect("short");
        }
        let mut decoded = Vec::new();
        prop_assert_eq!(Reply::decode_all(&slab, |reply| decoded.push(reply)), Ok(()));
        prop_assert_eq!(decoded, list);
    }

    #[test]
    fn broken_slabs_are_refused_without_panic(reply in replies(), at in 0_usize..64, with: u8) {
        let mut slab = Vec::new();
        reply.encode(&mut slab).expect("short");
        let whole = slab.len();
        if let Some(byte) = slab.get_mut(at) {
            *byte = with;
        }
        let _ = Reply::decode_all(&slab, |_| {});
        let _ = Request::decode(&slab);
        slab.truncate(whole - 1);
        let outcome = Reply::decode_all(&slab, |_| {});
        prop_assert!(outcome.is_err());
    }
}

#[test]
fn large_bodies_are_detached() {
    for (length, detached) in [(INLINE - 1, false), (INLINE, true)] {
        let mut request = Request::gone(7);
        request.body = vec![b'x'; length].into();
        let mut slab = vec![0; MIN_SLAB];
        let size = request.encode(&mut slab).expect("room");
        let (decoded, _) = Request::decode(&slab[..size]).expect("sound");
        assert_eq!(decoded.flags & flag::DETACHED != 0, detached);
        assert_eq!(decoded.body.len(), if detached { 0 } else { length });
        assert_eq!(slab[24..28], u32::try_from(length).expect("small").to_le_bytes());
    }
}

#[test]
fn a02_line_breaks_in_reply_fields_are_refused() {
    for bad in [b"a\r\nX: b".as_slice(), b"a\nb", b"a\0", b"\xff"] {
        let reply = Reply {
            status: 200,
            fields: vec![(reply_field::SESSION_ID, Bytes::copy_from_slice(bad))],
            ..Reply::default()
        };
        let mut slab = Vec::new();
        reply.encode(&mut slab).expect("short");
        assert_eq!(Reply::decode_all(&slab, |_| {}), Err(Broken { offset: 0 }));
    }
}
