//! The service while it runs.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lanparty_cli::{Exit, Failure, LogFile, Shutdown, Signal, run_unattended};
use lanparty_sdk::port::tap_windows::state_folder;
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};

use super::{ServiceName, check, for_service};

/// How long the service may take to end: the up-script's last call takes the most.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(20);

// winerror.h
const ERROR_FAILED_SERVICE_CONTROLLER_CONNECT: i32 = 1063;

/// What the service manager's thread finds: it brings nothing of ours along.
static LAUNCH: Mutex<Option<Launch>> = Mutex::new(None);

struct Launch {
    name: ServiceName,
    options: Vec<OsString>,
}

define_windows_service!(ffi_service_main, service_main);

/// Runs as the service `name` until the service manager has been told that it ended.
pub(super) fn run(name: ServiceName, options: Vec<OsString>) -> Result<(), Failure> {
    let called = name.0.clone();
    *LAUNCH.lock().unwrap_or_else(PoisonError::into_inner) = Some(Launch { name, options });
    service_dispatcher::start(&called, ffi_service_main).map_err(|error| match error {
        windows_service::Error::Winapi(error)
            if error.raw_os_error() == Some(ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) =>
        {
            let text = format!("only Windows runs a service: start it with `net start {called}`");
            Failure::new(Exit::Usage, text)
        }
        error => Failure::with_source(Exit::Internal, "the service manager does not answer", error),
    })
}

fn service_main(_: Vec<OsString>) {
    let launch = LAUNCH.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(launch) = launch else { return };
    let (stopper, shutdown) = Shutdown::by_stopper();
    let reports = Arc::new(OnceLock::<ServiceStatusHandle>::new());
    // Whoever says that it is stopped has the last word.
    let is_over = Arc::new(Mutex::new(false));
    let handler = {
        let (reports, is_over) = (Arc::clone(&reports), Arc::clone(&is_over));
        move |control| match control {
            ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown => {
                let is_over = is_over.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(handle) = reports.get().filter(|_| !*is_over) {
                    report(handle, ServiceState::StopPending, Exit::Ok);
                }
                stopper.stop(Signal::Terminate);
                ServiceControlHandlerResult::NoError
            }
            ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        }
    };
    // Without it there is nobody to tell.
    let Ok(handle) = service_control_handler::register(&launch.name.0, handler) else { return };
    report(reports.get_or_init(|| handle), ServiceState::Running, Exit::Ok);
    let exit = serve(&launch, shutdown);
    *is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
    report(&handle, ServiceState::Stopped, exit);
}

/// The client's life, with its log in a file from the first word on.
fn serve(launch: &Launch, shutdown: Shutdown) -> Exit {
    let Ok(state) = state_folder() else { return Exit::File };
    let Ok(mut log) = LogFile::open(&state.join(launch.name.file(".log"))) else { return Exit::File };
    match check(&launch.options) {
        Ok(options) => run_unattended(for_service(options, &launch.name, &state), log, shutdown),
        Err(problem) => {
            let _ = writeln!(log, "error: {problem}"); // a full disk has no way to complain
            problem.exit()
        }
    }
}

fn report(handle: &ServiceStatusHandle, state: ServiceState, exit: Exit) {
    let controls =
        ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN | ServiceControlAccept::SHUTDOWN;
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        controls_accepted: if state == ServiceState::Running {
            controls
        } else {
            ServiceControlAccept::empty()
        },
        wait_hint: if state == ServiceState::StopPending { STOP_TIMEOUT } else { Duration::ZERO },
        current_state: state,
        exit_code: match exit {
            Exit::Ok => ServiceExitCode::NO_ERROR,
            failed => ServiceExitCode::ServiceSpecific(failed.code().into()),
        },
        checkpoint: 0,
        process_id: None,
    };
    // It fails for a handle that is none, or a state that is none.
    let _ = handle.set_service_status(status);
}
