//! One measurement, from the relay's start to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use lanparty_sdk::ctrl::LeaveReason;
use lanparty_sdk::frame::MacAddr;
use lanparty_sdk::identity::Identity;
use lanparty_sdk::port::Port;
use lanparty_sdk::port::memory::{self, MemorySink, MemorySource};
use lanparty_sdk::room::Room as _;
use lanparty_sdk::session::{MemberSession, Session as _, SessionBuilder};
use tokio::time::{sleep, sleep_until, timeout};

use crate::Args;
use crate::flow::{Flow, Span};
use crate::load::{Feed, Paced, Saturating, pace};
use crate::meter::{Bench, Meter};
use crate::probe::{Clock, Template, nanos};
use crate::relay::{Invitation, RelayHost, SERVER_NAME};
use crate::report::{Costs, Report};
use crate::scenario::{LAN_HOST, MemberSpec, Pace, Plan};
use crate::usage::Usage;

/// Frames that wait in a member's port: what a device's queue usually holds.
const PORT_QUEUE: usize = 1024;
/// How long everybody may take to meet.
const MEETING_TIMEOUT: Duration = Duration::from_secs(60);
/// Flows run this long before they count: the search for the path's MTU is over, and windows have grown.
const WARM_UP: Duration = Duration::from_secs(1);
const WARM_UP_SHORT: Duration = Duration::from_millis(200);
/// How long what is on its way at the end may take.
const DRAIN: Duration = Duration::from_millis(300);
/// How often a saturating flow without progress is looked at.
const NUDGE: Duration = Duration::from_millis(20);

/// A member that has joined and has no port yet.
struct Seat {
    spec: MemberSpec,
    session: MemberSession,
    mac: MacAddr,
}

/// Runs a scenario and tells how it went.
pub(crate) async fn run(args: &Args, relay: RelayHost) -> Result<Report> {
    let plan = Plan::new(args);
    let seats = timeout(MEETING_TIMEOUT, gather(&plan, relay.invitation())).await;
    let seats = seats.context("not everybody joined in time")??;

    let clock = Clock::start();
    let flows = plan.flows.iter().map(|flow| Flow::new(flow.class, flow.to.len())).collect();
    let bench = Arc::new(Bench { clock, span: Span::new(), classes: plan.classes, flows });

    let mut ports: Vec<_> = seats.iter().map(|_| port_queue()).collect();
    let mut saturating: Vec<Option<Saturating>> = seats.iter().map(|_| None).collect();
    let mut paced = Vec::new();
    for (index, spec) in plan.flows.iter().enumerate() {
        let dst = match (spec.is_broadcast, spec.to.first()) {
            (true, _) | (false, None) => MacAddr::BROADCAST,
            (false, Some(to)) => seats[*to].mac,
        };
        let number = u32::try_from(index).context("too many flows")?;
        let template = Template::new(dst, seats[spec.from].mac, number, bench.classes[spec.class].size);
        match spec.pace {
            Pace::Rate(rate) => {
                let period = nanos(Duration::from_secs_f64(1.0 / rate));
                paced.push(Paced { flow: index, template, port: ports[spec.from].1.clone(), period });
            }
            Pace::Saturate => {
                ensure!(
                    saturating[spec.from].is_none(),
                    "a member can saturate one flow only; give a --rate"
                );
                saturating[spec.from] = Some(Saturating::new(index, template, args.window));
            }
        }
    }
    for (index, seat) in seats.iter().enumerate() {
        let places = plan.flows.iter().map(|flow| flow.to.iter().position(|to| *to == index)).collect();
        let (source, sink) = &mut ports[index];
        if seat.spec.is_gateway {
            // The room learns where the server is, as it does from any server that says anything.
            let _ = sink.try_send_copy(Template::new(MacAddr::BROADCAST, LAN_HOST, u32::MAX, 0).stamp(0, 0));
        }
        let source = source.take().context("a port is used once")?;
        let feed = Feed::new(&bench, source, saturating[index].take());
        seat.session.bridge(Port::new(feed, Meter::new(&bench, places))).await?;
    }
    let length = Duration::from_secs_f64(args.seconds);
    let warm_up = if length < WARM_UP { WARM_UP_SHORT } else { WARM_UP };
    let start = clock.now() + nanos(warm_up);
    bench.span.set(start, start + nanos(length));
    bench.flows.iter().for_each(Flow::wake);
    let pacer = pace(Arc::clone(&bench), paced)?;

    let used = measure(&bench, &relay).await?;
    sleep(DRAIN).await;
    let lateness = match pacer.join() {
        Ok(lateness) => lateness,
        Err(_) => bail!("the pacing thread panicked"),
    };
    let drops = seats.iter().map(|seat| seat.session.stats().drops).collect::<Vec<_>>();
    for seat in &seats {
        seat.session.close(LeaveReason::Normal, "").await;
    }
    let end = relay.finish()?;
    Ok(Report::new(args, &bench, used, &lateness, &drops, &end))
}

/// Waits while frames count, and takes what everything costs meanwhile.
async fn measure(bench: &Bench, relay: &RelayHost) -> Result<Costs> {
    sleep_until(bench.clock.instant(bench.span.start()).into()).await;
    let before = (Usage::own(), relay.usage());
    loop {
        let left = bench.span.end().saturating_sub(bench.clock.now());
        if left == 0 {
            break;
        }
        sleep(NUDGE.min(Duration::from_nanos(left))).await;
        // A saturating flow whose frames are all lost is woken by nobody else.
        bench.flows.iter().for_each(Flow::wake);
    }
    let after = (Usage::own(), relay.usage());
    ensure!(bench.flows.iter().any(|flow| flow.sent.load(Relaxed) > 0), "nothing was sent");
    Ok(Costs { members: before.0.zip(after.0), relay: before.1.zip(after.1) })
}

/// Lets every member in, and waits until each sees its room's others.
async fn gather(plan: &Plan, invitation: &Invitation) -> Result<Vec<Seat>> {
    let mut seats = Vec::with_capacity(plan.members.len());
    for spec in &plan.members {
        let identity = Identity::generate()?;
        let mac = if spec.is_gateway { LAN_HOST } else { identity.mac() };
        let relay = invitation.addr().to_string().parse()?;
        let room = format!("BENCH-{}", spec.room).parse()?;
        let trust = invitation.trust()?;
        let builder = if spec.is_gateway {
            SessionBuilder::gateway(relay, trust, room, identity)
        } else {
            SessionBuilder::client(relay, trust, room, identity)
        };
        let session = builder.server_name(SERVER_NAME).connect().await?;
        seats.push(Seat { spec: *spec, session, mac });
    }
    for seat in &seats {
        let others = seats.iter().filter(|other| other.spec.room == seat.spec.room).count() - 1;
        let room = seat.session.room();
        let mut events = room.subscribe();
        while room.peers().len() < others {
            ensure!(events.next().await.is_some(), "a session ended: {:?}", seat.session.end_reason());
        }
    }
    Ok(seats)
}

/// The way into a member's port.
fn port_queue() -> (Option<MemorySource>, MemorySink) {
    let (program, session) = memory::pair(PORT_QUEUE);
    (Some(session.split().0), program.split().1)
}
