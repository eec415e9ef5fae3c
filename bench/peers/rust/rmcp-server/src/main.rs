//! rmcp's Streamable HTTP server on axum. `MODE=session` keeps sessions of the legacy era; otherwise it is stateless and
//! answers with JSON.

use std::borrow::Cow;
use std::env::var;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::serve::ListenerExt;
use rmcp::handler::server::router::tool::{ToolRoute, ToolRouter};
use rmcp::handler::server::tool::{ToolCallContext, schema_for_type};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock, ServerCapabilities, ServerConfig, Tool};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    #[schemars(description = "Text to echo")]
    message: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Add {
    a: f64,
    b: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Lookup {
    #[schemars(description = "Which record")]
    key: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Burn {
    #[schemars(description = "Milliseconds")]
    ms: f64,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Filler {
    #[schemars(description = "Search text")]
    query: String,
    #[schemars(description = "Max rows", range(min = 1, max = 100))]
    #[expect(dead_code, reason = "part of the schema")]
    limit: Option<u32>,
    #[expect(dead_code, reason = "part of the schema")]
    tags: Option<Vec<String>>,
}

#[derive(Clone)]
struct Bench {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Bench {
    #[tool(description = "Echo the message")]
    fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(description = "Add two numbers")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        (a + b).to_string()
    }

    #[tool(description = "Text of one of 64 records")]
    fn lookup(&self, Parameters(Lookup { key }): Parameters<Lookup>) -> String {
        LOOKUPS.fetch_add(1, Ordering::Relaxed);
        format!("value of {key}")
    }

    #[tool(description = "Keep the processor busy")]
    fn burn(&self, Parameters(Burn { ms }): Parameters<Burn>) -> String {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs_f64(ms / 1_000.0) {}
        "done".to_owned()
    }

    #[tool(description = "How often lookup ran")]
    fn runs(&self) -> String {
        format!("{} 0", LOOKUPS.load(Ordering::Relaxed))
    }

    fn build(count: usize) -> Self {
        let mut tool_router = Self::tool_router();
        let schema = schema_for_type::<Parameters<Filler>>();
        for index in 6..=count {
            let description = format!(
                "Filler tool number {index}: searches the records of a data source and returns matching rows as text."
            );
            let tool = Tool::new(Cow::from(format!("tool_{index:03}")), description, schema.clone());
            tool_router.add_route(ToolRoute::new_dyn(tool, |call: ToolCallContext<'_, Self>| {
                let arguments = call.arguments.clone().unwrap_or_default();
                Box::pin(async move {
                    let Filler { query, .. } = serde_json::from_value(arguments.into())
                        .map_err(|error| rmcp::ErrorData::invalid_params(error.to_string(), None))?;
                    Ok(CallToolResult::success(vec![ContentBlock::text(query)]).into())
                })
            }));
        }
        Self { tool_router }
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Bench {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = var("MODE").is_ok_and(|mode| mode == "session");
    config.json_response = true;
    let count = var("TOOLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let server = Bench::build(count);
    let service = StreamableHttpService::new(
        move || Ok(server.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let router = axum::Router::new().nest_service("/mcp", service);
    let address = format!("127.0.0.1:{}", var("PORT")?);
    // With Nagle's algorithm a call in a session waits 40 ms for the delayed acknowledgement.
    let listener = tokio::net::TcpListener::bind(address).await?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}
