//! Making the service, and removing it.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use lanparty_cli::{Exit, Failure};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceDependency, ServiceErrorControl,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState,
    ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::host::STOP_TIMEOUT;
use super::{ServiceName, check_safety};
use crate::adapter;
use crate::options::Options;

const DESCRIPTION: &str = "Plugs this computer into a LAN party far away. Its log is in the folder lanparty of the folder ProgramData.";
/// After a first failure, a second one, and every further one.
const RESTART_AFTER: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(60)];
/// After so long without a failure the next one is the first again.
const FORGET_FAILURES: Duration = Duration::from_secs(3600);
/// Beyond what the service itself asks for.
const GRACE: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

// winerror.h
const ERROR_SERVICE_DOES_NOT_EXIST: i32 = 1060;
const ERROR_SERVICE_CANNOT_ACCEPT_CTRL: i32 = 1061;
const ERROR_SERVICE_NOT_ACTIVE: i32 = 1062;
const ERROR_SERVICE_MARKED_FOR_DELETE: i32 = 1072;
const ERROR_SERVICE_EXISTS: i32 = 1073;

/// Makes the service with the client's `options`, which have been checked.
pub(super) fn install(name: &ServiceName, checked: &Options, options: Vec<OsString>) -> Result<(), Failure> {
    adapter::check_permission()?;
    let program = std::env::current_exe()
        .map_err(|error| Failure::with_source(Exit::Internal, "cannot tell where this program is", error))?;
    check_safety(&program, checked, &options)?;
    let first = ["service", "run", "--service-name", &name.0].map(OsString::from);
    let info = ServiceInfo {
        name: name.0.clone().into(),
        display_name: display_name(name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program,
        launch_arguments: first.into_iter().chain(options).collect(),
        dependencies: vec![ServiceDependency::Service("Tcpip".into())],
        account_name: None,
        account_password: None,
    };
    let manager = connect(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    // Restarts ask for the right to start.
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = manager.create_service(&info, access).map_err(|error| failure(name, "make", &error))?;
    configure(&service);
    say(&format!("made the service {name}: it starts with the computer. To start it now: net start {name}"));
    Ok(())
}

/// What makes it a better service. A system that knows some of it not still has one that works.
fn configure(service: &Service) {
    let restart = |delay| ServiceAction { action_type: ServiceActionType::Restart, delay };
    let failures = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGET_FAILURES),
        reboot_msg: None,
        command: None,
        actions: Some(RESTART_AFTER.map(restart).to_vec()),
    };
    for (what, result) in [
        ("a description", service.set_description(DESCRIPTION)),
        // The network and its drivers come first.
        ("a delayed start", service.set_delayed_auto_start(true)),
        ("time to end at a shutdown", service.set_preshutdown_timeout(STOP_TIMEOUT)),
        ("restarts after failures", service.update_failure_actions(failures)),
        // A relay that ends the membership is a failure, and no crash.
        ("restarts after its end", service.set_failure_actions_on_non_crash_failures(true)),
    ] {
        if let Err(error) = result {
            let _ = writeln!(io::stderr(), "warning: the service does without {what}: {}", cause(&error));
        }
    }
}

/// Stops the service and removes it.
pub(super) fn uninstall(name: &ServiceName) -> Result<(), Failure> {
    adapter::check_permission()?;
    let manager = connect(ServiceManagerAccess::CONNECT)?;
    let access = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = manager.open_service(&name.0, access).map_err(|error| failure(name, "find", &error))?;
    stop(name, &service)?;
    service.delete().map_err(|error| failure(name, "remove", &error))?;
    say(&format!("removed the service {name}"));
    Ok(())
}

fn stop(name: &ServiceName, service: &Service) -> Result<(), Failure> {
    let cannot = |error| failure(name, "stop", &error);
    match service.stop() {
        Err(error) if code(&error) == Some(ERROR_SERVICE_NOT_ACTIVE) => return Ok(()),
        Ok(_) => {}
        // It is ending already.
        Err(error) if code(&error) == Some(ERROR_SERVICE_CANNOT_ACCEPT_CTRL) => {}
        Err(error) => return Err(cannot(error)),
    }
    let deadline = Instant::now() + STOP_TIMEOUT + GRACE;
    while service.query_status().map_err(cannot)?.current_state != ServiceState::Stopped {
        if Instant::now() >= deadline {
            let text = format!(
                "the service {name} does not stop: end its process in the task manager, and try again"
            );
            return Err(Failure::new(Exit::Internal, text));
        }
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

fn display_name(name: &ServiceName) -> String {
    match name.0.as_str() {
        ServiceName::DEFAULT => "LAN party client".to_owned(),
        other => format!("LAN party client ({other})"),
    }
}

fn connect(access: ServiceManagerAccess) -> Result<ServiceManager, Failure> {
    ServiceManager::local_computer(None::<&str>, access).map_err(|error| {
        Failure::with_source(Exit::NotPermitted, "cannot reach the service manager", cause(&error))
    })
}

fn failure(name: &ServiceName, what: &str, error: &windows_service::Error) -> Failure {
    match code(error) {
        Some(ERROR_SERVICE_EXISTS) => Failure::new(
            Exit::Usage,
            format!(
                "there is a service {name} already: remove it with `lanparty-client service uninstall`, or give this \
                 one another name with --service-name"
            ),
        ),
        Some(ERROR_SERVICE_DOES_NOT_EXIST) => {
            Failure::new(Exit::Usage, format!("there is no service {name}: --service-name names another"))
        }
        Some(ERROR_SERVICE_MARKED_FOR_DELETE) => Failure::new(
            Exit::Usage,
            format!(
                "the service {name} is being removed: close the windows that show services, or restart the computer"
            ),
        ),
        _ => Failure::with_source(Exit::Internal, &format!("cannot {what} the service {name}"), cause(error)),
    }
}

/// What the system said, without the library's words around it.
fn cause(error: &windows_service::Error) -> &(dyn Error + 'static) {
    match error {
        windows_service::Error::Winapi(error) => error,
        other => other,
    }
}

fn code(error: &windows_service::Error) -> Option<i32> {
    match error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}"); // nobody may be listening
}
