//! The least a Rust server takes: hyper on one thread, JSON in with serde, JSON out, no protocol checks.
//! The list is kept as bytes, as a server that knows its tools would.

use std::convert::Infallible;
use std::env::var;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    name: &'a str,
    arguments: Value,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn tools(count: usize) -> String {
    let schema = |name: &str, kind: &str| json!({"type":"object","properties":{name:{"type":kind}},"required":[name]});
    let filler = json!({"type":"object","properties":{"query":{"type":"string","description":"Search text"},
        "limit":{"type":"integer","description":"Max rows","minimum":1,"maximum":100},
        "tags":{"type":"array","items":{"type":"string"}}},"required":["query"]});
    let mut list = vec![
        json!({"name":"echo","description":"Echo the message","inputSchema":schema("message", "string")}),
        json!({"name":"add","description":"Add two numbers","inputSchema":schema("a", "number")}),
        json!({"name":"lookup","description":"Text of a record","inputSchema":schema("key", "string")}),
    ];
    for index in list.len() + 1..=count {
        list.push(json!({"name":format!("tool_{index:03}"),
            "description":format!("Filler tool number {index}: searches the records of a data source and returns matching rows as text."),
            "inputSchema":filler}));
    }
    json!({ "tools": list }).to_string()
}

fn call(params: &str) -> Result<String, Failure> {
    let Call { name, arguments } = serde_json::from_str(params)?;
    let text = |key: &str| arguments.get(key).and_then(Value::as_str).ok_or("bad arguments");
    let number = |key: &str| arguments.get(key).and_then(Value::as_f64).ok_or("bad arguments");
    let answer = match name {
        "echo" => text("message")?.to_owned(),
        "lookup" => format!("value of {}", text("key")?),
        "add" => (number("a")? + number("b")?).to_string(),
        _ => return Err("unknown tool".into()),
    };
    Ok(json!({"content":[{"type":"text","text":answer}]}).to_string())
}

fn answer(body: &[u8], list: &str) -> Result<Option<String>, Failure> {
    let message: Message<'_> = serde_json::from_slice(body)?;
    let Some(id) = message.id else { return Ok(None) };
    let params = message.params.map_or("{}", RawValue::get);
    let made;
    let result = match message.method {
        "tools/call" => {
            made = call(params)?;
            &made
        }
        "tools/list" => list,
        "initialize" => {
            r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"bare","version":"1"}}"#
        }
        "ping" => "{}",
        _ => return Err("unknown method".into()),
    };
    let id = id.get();
    Ok(Some(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    )))
}

async fn serve(request: Request<Incoming>, list: &str) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let answered = match request.into_body().collect().await {
        Ok(body) => answer(&body.to_bytes(), list),
        Err(error) => Err(error.into()),
    };
    match answered {
        Ok(Some(text)) => {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *response.body_mut() = Full::new(text.into());
        }
        Ok(None) => *response.status_mut() = StatusCode::ACCEPTED,
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

fn main() -> Result<(), Failure> {
    let count = var("TOOLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let list: &'static str = Box::leak(tools(count).into_boxed_str());
    let address = format!("127.0.0.1:{}", var("PORT")?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let service = service_fn(move |request| serve(request, list));
                // A client that goes away ends its connection with an error.
                let _ = auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    })
}
