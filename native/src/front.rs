//! The HTTP front behind handles: started and stopped by the macros, fed and drained by raw functions.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use front::Front;
use front::config::{Authentication, Config, Limits, Route};
use front::guard::Policy;
use front::queue::Capacity;
use napi::bindgen_prelude::{AsyncTask, Buffer, Env, Function, Task};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::front_control::{TlsOptions, tls};

static FRONTS: RwLock<Option<HashMap<u32, Arc<Front>>>> = RwLock::new(None);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The front of a handle; `None` once it has been stopped.
pub fn find(handle: u32) -> Option<Arc<Front>> {
    let fronts = FRONTS.read().unwrap_or_else(PoisonError::into_inner);
    fronts.as_ref()?.get(&handle).cloned()
}

/// Bounds and routes; the names are those of `src/core/limits.ts`, times are milliseconds.
#[napi(object)]
pub struct FrontOptions {
    pub host: String,
    pub port: u16,
    pub path: String,
    pub routes: Vec<FrontRoute>,
    pub hosts: Option<Vec<String>>,
    pub origins: Vec<String>,
    pub loopback_origins: bool,
    pub threads: u32,
    pub header_lines: u32,
    pub header_bytes: u32,
    pub body_bytes: u32,
    pub json_depth: u32,
    pub json_nodes: u32,
    pub json_number: u32,
    pub id_bytes: u32,
    pub method_bytes: u32,
    pub batch_messages: u32,
    pub headers_ms: u32,
    pub request_ms: u32,
    pub idle_ms: u32,
    pub check_ms: u32,
    pub write_buffer_bytes: u32,
    pub write_stall_ms: u32,
    pub connections: u32,
    pub requests_per_socket: u32,
    pub keep_alive_ms: u32,
    pub streams: u32,
    pub queue_requests: u32,
    pub queue_bytes: u32,
    pub requests_per_session: u32,
    pub tokens: u32,
    pub authentication: bool,
    pub tls: Option<TlsOptions>,
}

/// A further route.
#[napi(object)]
pub struct FrontRoute {
    pub method: String,
    pub path: String,
}

/// What a front has become.
#[napi(object)]
pub struct FrontStarted {
    pub handle: u32,
    pub port: u16,
}

/// Starts a front. `wake` is called on the JavaScript thread when there is something to drain, once until the queue has
/// been drained to its end.
#[napi(catch_unwind)]
pub fn front_start(env: Env, options: FrontOptions, wake: Function<(), ()>) -> Result<FrontStarted> {
    let address = resolve(&options.host, options.port)?;
    let wake = wake.build_threadsafe_function::<()>().build()?;
    let wake = Box::new(move || {
        wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    let front = Front::start(config(options)?, address, wake)
        .map_err(|error| Error::new(Status::GenericFailure, error.to_string()))?;
    let port = front.local_addr().port();
    let handle = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut fronts = FRONTS.write().unwrap_or_else(PoisonError::into_inner);
    fronts.get_or_insert_default().insert(handle, Arc::new(front));
    drop(fronts);
    // A worker thread that ends must not leave a listener behind that nobody answers for.
    env.add_env_cleanup_hook(handle, forget)?;
    Ok(FrontStarted { handle, port })
}

/// Ends a front at once, if it is still there.
fn forget(handle: u32) {
    let mut fronts = FRONTS.write().unwrap_or_else(PoisonError::into_inner);
    let front = fronts.as_mut().and_then(|fronts| fronts.remove(&handle));
    drop(fronts);
    drop(front);
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let failed = |text: String| Error::new(Status::InvalidArg, text);
    let mut found = (host, port)
        .to_socket_addrs()
        .map_err(|error| failed(error.to_string()))?;
    found
        .next()
        .ok_or_else(|| failed(format!("no address for {host}")))
}

fn config(options: FrontOptions) -> Result<Config> {
    let bytes = |text: String| text.into_bytes();
    let ms = |value: u32| Duration::from_millis(u64::from(value));
    let routes = options.routes.into_iter();
    Ok(Config {
        path: options.path,
        routes: routes
            .map(|FrontRoute { method, path }| Route { method, path })
            .collect(),
        policy: Policy {
            hosts: options.hosts.map(|hosts| hosts.into_iter().map(bytes).collect()),
            origins: options.origins.into_iter().map(bytes).collect(),
            loopback_origins: options.loopback_origins,
            header_lines: options.header_lines as usize,
        },
        threads: options.threads as usize,
        limits: Limits {
            header_bytes: options.header_bytes as usize,
            body_bytes: options.body_bytes as usize,
            headers: ms(options.headers_ms),
            request: ms(options.request_ms),
            idle: ms(options.idle_ms),
            check: ms(options.check_ms),
            write_buffer_bytes: options.write_buffer_bytes as usize,
            write_stall: ms(options.write_stall_ms),
            connections: options.connections as usize,
            requests_per_socket: options.requests_per_socket as usize,
            keep_alive: ms(options.keep_alive_ms),
            streams: options.streams,
            message: envelope::Limits {
                depth: options.json_depth,
                nodes: options.json_nodes,
                number: options.json_number,
                id_bytes: options.id_bytes,
                method_bytes: options.method_bytes,
                batch_messages: options.batch_messages,
            },
            queue: Capacity {
                requests: options.queue_requests as usize,
                bytes: options.queue_bytes as usize,
            },
            requests_per_session: options.requests_per_session as usize,
            tokens: options.tokens as usize,
            ..Limits::default()
        },
        authentication: if options.authentication {
            Authentication::Required
        } else {
            Authentication::Open
        },
        tls: options.tls.map(tls).transpose()?,
        ..Config::default()
    })
}

/// The detached body of a drained request, once.
#[napi(catch_unwind)]
#[must_use]
pub fn front_take_body(handle: u32, token: f64) -> Option<Buffer> {
    // Tokens are below 2^53, so a double holds them.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let token = token as u64;
    let body = find(handle)?.take_body(token)?;
    Some(Vec::from(body).into())
}

/// Takes no connection from now on, ends idle ones and lets running requests finish until `wait_ms` have passed.
#[napi(catch_unwind)]
pub fn front_drain(handle: u32, wait_ms: u32) {
    if let Some(front) = find(handle) {
        front.drain(Duration::from_millis(u64::from(wait_ms)));
    }
}

/// Waits for the end of a front.
pub struct Stop(Option<Arc<Front>>, u32, Duration);

impl Task for Stop {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        if let Some(front) = self.0.take() {
            front.drain(self.2);
            front.join();
        }
        Ok(())
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        forget(self.1);
        Ok(())
    }
}

/// Drains for `wait_ms`, then ends what is left; settles when every thread has ended. The handle is forgotten then.
#[napi(catch_unwind)]
#[must_use]
pub fn front_stop(handle: u32, wait_ms: u32) -> AsyncTask<Stop> {
    AsyncTask::new(Stop(
        find(handle),
        handle,
        Duration::from_millis(u64::from(wait_ms)),
    ))
}
