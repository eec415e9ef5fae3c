//! Prepared replies over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use bytes::Bytes;
use front::{Replies, Revision, Table};
use support::{config, request, start};

const LIST: &str = r#"{"jsonrpc":"2.0","id":"\u0061","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const FIELDS: &str = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n";

fn replies(open: bool, result: &'static str) -> Replies {
    let mut table = Table::new(true);
    let result = Bytes::from_static(result.as_bytes());
    table.set(Revision::July2026, b"tools/list", result).unwrap();
    Replies {
        anonymous: open.then(|| table.into()),
        ..Replies::default()
    }
}

#[test]
fn lists_come_from_the_table_with_the_id_as_it_came_and_the_table_can_be_replaced() {
    let running = start(config());
    let mut client = running.connect();
    for result in ["{\"tools\":[]}", "{\"tools\":[1]}"] {
        running.front.set_replies(replies(true, result));
        client.send(request(FIELDS, LIST));
        assert_eq!(
            client.response().body,
            format!(r#"{{"jsonrpc":"2.0","id":"\u0061","result":{result}}}"#)
        );
    }
    assert_eq!((running.handled(), running.front.answered()), (0, 2));
    client.send(request(
        "MCP-Protocol-Version: 2026-07-28\r\n",
        r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
    ));
    let response = client.response();
    assert_eq!((response.status, response.body.as_str()), (202, ""));
    assert_eq!((running.handled(), running.front.answered()), (0, 3));
}

#[test]
fn what_leaves_a_question_goes_to_the_consumer() {
    let running = start(config());
    let mut client = running.connect();
    running.front.set_replies(replies(true, "{}"));
    for (count, (more, text)) in [
        (
            "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n",
            LIST.to_owned(),
        ),
        (FIELDS, LIST.replace("\"_meta\"", "\"cursor\":\"a\",\"_meta\"")),
        (
            "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: a\r\n",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_owned(),
        ),
        (
            "MCP-Protocol-Version: 2099-01-01\r\n",
            r#"{"jsonrpc":"2.0","method":"notifications/x"}"#.to_owned(),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        client.send(request(more, &text));
        client.response();
        assert_eq!(
            (running.handled(), running.front.answered()),
            (count + 1, 0),
            "{text}"
        );
    }
}

#[test]
fn nothing_is_answered_from_the_table_where_someone_must_be_authenticated() {
    let running = start(config());
    running.front.set_replies(replies(false, "{}"));
    let mut client = running.connect();
    client.send(request(FIELDS, LIST));
    client.response();
    assert_eq!((running.handled(), running.front.answered()), (1, 0));
}
