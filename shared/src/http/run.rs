//! The `main` of a function.

use std::future::Future;
use std::process::ExitCode;

use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::{Error, Request};
use serde::Serialize;
use serde_json::value::RawValue;

use super::edge::Edge;
use super::event::invoke;
use super::reply::Response;
use crate::app::App;
use crate::environment::{ConfigError, Environment};
use crate::error::{Causes, StartError};
use crate::logging;
use crate::password::{self, Cost};

/// Runs a function that checks passwords: reads its configuration, opens its connection, maps the memory for
/// hashes, and handles requests until Lambda ends it.
///
/// If the configuration is wrong, the process ends with one line that names the variable.
pub fn run<S, H, F>(settings: fn(&Environment) -> Result<S, ConfigError>, handle: H) -> ExitCode
where
    S: Send + Sync + 'static,
    H: Fn(&'static App, &'static S, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    serve(
        async |env| {
            let settings = settings(env)?;
            let cost = Cost::from_env(env)?;
            // The connection is opened first, so that the memory is mapped while the function waits for the
            // network.
            let (app, ()) = tokio::join!(App::start(env), async { password::map_memory(&cost) });
            Ok((app?, settings))
        },
        move |(app, settings), request| handle(app, settings, request),
    )
}

/// Runs a function as [`run`] does, with another state, or without passwords. `start` makes the state.
pub fn serve<T, H, F>(start: impl AsyncFnOnce(&Environment) -> Result<T, StartError>, handle: H) -> ExitCode
where
    T: Send + Sync + 'static,
    H: Fn(&'static T, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    serve_events(
        async |env| {
            let edge = Edge::from_env(env)?;
            Ok((start(env).await?, edge, handle))
        },
        |(state, edge, handle), event| invoke(edge, move |request| handle(state, request), event),
    )
}

/// Runs a function that handles other events than requests. `start` makes the state. An event that the
/// function refuses is logged by its error, and Lambda counts it as an error of the function.
pub fn serve_events<T, H, F, R, E>(
    start: impl AsyncFnOnce(&Environment) -> Result<T, StartError>,
    handle: H,
) -> ExitCode
where
    T: Send + Sync + 'static,
    H: Fn(&'static T, LambdaEvent<Box<RawValue>>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<R, E>> + Send + 'static,
    R: Serialize + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let env = Environment::of_process();
    let level = logging::init(&env);
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
        runtime.block_on(async {
            level?;
            // They live as long as the process, and all events share them.
            let (state, handle): &'static (T, H) = Box::leak(Box::new((start(&env).await?, handle)));
            // Handles one event after the other, unless Lambda sets AWS_LAMBDA_MAX_CONCURRENCY.
            lambda_runtime::run_concurrent(service_fn(move |event| async move {
                handle(state, event).await.map_err(|error| {
                    tracing::warn!("{error}");
                    Error::from(error)
                })
            }))
            .await
        })
    });
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tracing::error!("{}", Causes(&*error));
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!(cause = %error, "the runtime does not start");
            ExitCode::FAILURE
        }
    }
}
