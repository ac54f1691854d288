//! Whole commands over a network that cuts, delays, truncates, repeats and lies, to a real server of a bucket.
//!
//! Each command ends truthfully: what it says is checked past that network. Neither side is damaged, and when it is calm
//! again the same command completes.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{clone_goes_on, commit, noise, steady};
use crate::http::Request;
use crate::proxy::Fault::{self, *};
use crate::proxy::{Proxy, mixed};
use crate::sandbox::{Ran, Sandbox};
use crate::servers;

/// Which faults there are, and how commands may end.
#[derive(Clone, Copy)]
struct Storm {
    /// So many days it lasts.
    days: u64,
    name: &'static str,
    faults: &'static [Fault],
    /// Of how many requests in a hundred, behind the first few of a command.
    percent: u64,
    few: u64,
    ends: &'static [i32],
}

/// Ada and Bob, where they share, the weather on the way there, and the way around it.
struct Coast {
    ada: Sandbox,
    bob: Sandbox,
    proxy: Proxy,
    through: String,
    direct: String,
    storm: Storm,
    commands: Cell<u64>,
    strikes: Cell<usize>,
}

fn document(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let output = sandbox.command(&[&["--json"], arguments].concat()).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The commit that a revision is.
fn commit_of(sandbox: &Sandbox, revision: &str) -> String {
    document(sandbox, &["log", "-n", "1", revision])["commits"][0]["id"].to_string()
}

impl Coast {
    fn new(server: &servers::S3, storm: Storm, day: u64) -> Self {
        let proxy = Proxy::start(&server.endpoint);
        let direct = server.url(&format!("{}-{day}", storm.name));
        let through = direct.replace(&server.endpoint, &proxy.endpoint);
        let ada = Sandbox::history().with(server.env.clone());
        let bob = ada.beside("bob");
        commit(&ada, "data/noise.txt", &noise(0), "noise");
        ada.ok(&["remote", "add", "--no-check", "origin", &through]);
        Self {
            ada,
            bob,
            proxy,
            through,
            direct,
            storm,
            commands: Cell::new(100 * day),
            strikes: Cell::new(0),
        }
    }

    /// The refs at the remote, and what they are, seen past the weather.
    fn there(&self) -> BTreeMap<String, String> {
        let listed = document(&self.ada, &["ls-remote", &self.direct]);
        let refs = listed["refs"].as_array().into_iter().flatten();
        refs.map(|it| (it["name"].as_str().unwrap().to_owned(), it["id"].to_string())).collect()
    }

    fn main_there(&self) -> Option<String> {
        self.there().remove("main")
    }

    /// One command in the storm, and all that is to be told of it. It ends as one may.
    fn storms(&self, who: &Sandbox, arguments: &[&str]) -> (Ran, String) {
        let Storm { name, faults, percent, few, .. } = self.storm;
        self.commands.set(self.commands.get() + 1);
        let seed = mixed(self.commands.get());
        self.proxy.set(move |request: &Request, number| {
            let chance = mixed(seed ^ number as u64);
            let fault = faults[(chance >> 32) as usize % faults.len()];
            // Nobody can miss what a listing leaves out.
            let is_blind = fault == FlipReceived && request.path.trim_end_matches('/') == "/mdl";
            let strikes = number as u64 >= seed % few.max(1) && chance % 100 < percent && !is_blind;
            strikes.then_some(fault)
        });
        let ran = who.mdl(arguments);
        let struck = self.proxy.struck();
        self.proxy.calm();
        self.strikes.set(self.strikes.get() + struck.len());
        let told = format!("{name}: mdl {arguments:?} after {struck:#?}\n{}", ran.told());
        assert!(self.storm.ends.contains(&ran.code), "{told}");
        // What is damaged is named.
        let is_named =
            ["refs/", "packs/", "format", "commit <id>"].iter().any(|name| ran.stderr.contains(name));
        assert!(is_named || !matches!(ran.code, 5 | 7), "{told}");
        (ran, told)
    }

    /// Both sides are whole, to the last byte.
    fn is_sound(&self, who: &Sandbox, told: &str) {
        let mut all = vec![who.mdl(&["fsck", "--data"])];
        if self.main_there().is_some() {
            all.push(who.mdl(&["fsck", &self.direct, "--data"]));
        }
        for checked in all {
            assert_eq!(checked.code, 0, "{}\nafter {told}", checked.told());
        }
    }

    /// A command does what it says in the storm, and does it when it is calm.
    fn weathers(&self, who: &Sandbox, arguments: &[&str], is_done: &dyn Fn() -> bool) {
        let (ran, told) = self.storms(who, arguments);
        let is_unknown = told.contains("may have been");
        assert!(is_unknown || is_done() == (ran.code == 0), "{told}");
        self.is_sound(who, &told);
        who.ok(arguments);
        assert!(is_done(), "{told}");
    }

    fn has_pushed(&self, who: &Sandbox) -> bool {
        self.main_there() == Some(commit_of(who, "HEAD"))
    }

    fn all_runs_are_there(&self) -> bool {
        let (runs, there) = (document(&self.ada, &["runs"]), self.there());
        runs["runs"].as_array().unwrap().iter().all(|run| there.contains_key(run["id"].as_str().unwrap()))
    }

    /// Bob clones. Where only files are missing, the clone says what brings them.
    fn clones(&self) {
        let arguments = ["clone", &self.through, "../bob"];
        let is_done = || self.bob.mdl(&["status"]).stdout.contains("nothing to commit");
        let (ran, told) = self.storms(&self.ada, &arguments);
        let has_format = self.bob.root().join(".mdl/format").exists();
        assert!(ran.code != 0 || has_format && is_done(), "{told}");
        clone_goes_on(&self.ada, &self.through);
        self.is_sound(&self.bob, &told);
    }

    /// A day of two.
    fn passes(&self) {
        let (ada, bob) = (&self.ada, &self.bob);
        self.weathers(ada, &["push"], &|| self.has_pushed(ada));
        ada.ok(&["run", "-q", "--", "true"]);
        ada.ok(&["run", "-q", "--", "true"]);
        self.weathers(ada, &["push", "--runs"], &|| self.all_runs_are_there());
        self.clones();
        commit(bob, "params.yaml", "lr: 0.02\nlayers: [128, 64]\n", "faster still");
        self.weathers(bob, &["push"], &|| self.has_pushed(bob));
        self.weathers(ada, &["fetch"], &|| Some(commit_of(ada, "origin/main")) == self.main_there());
        commit(ada, "data/mine.csv", "x\n1\n", "mine");
        let (lost, told) = self.storms(ada, &["push"]);
        assert!(lost.code != 0 && self.has_pushed(bob), "{told}");
        assert_eq!(ada.mdl(&["push"]).code, 4);
        self.weathers(ada, &["pull"], &|| ada.read("params.yaml").contains("0.02"));
        self.weathers(ada, &["push"], &|| self.has_pushed(ada));
        let (_, told) = self.storms(ada, &["gc", "--all", "origin"]);
        self.is_sound(ada, &told);
        ada.ok(&["gc", "--all", "origin"]);
        self.weathers(bob, &["pull"], &|| commit_of(bob, "HEAD") == commit_of(ada, "HEAD"));
        [ada, bob].into_iter().for_each(|who| self.is_sound(who, "a day"));
        assert!(self.strikes.get() > 5, "it was no storm: {}", self.strikes.get());
    }
}

fn weathers(storm: Storm) {
    let Some(server) = servers::s3() else { return };
    (0..storm.days).for_each(|day| Coast::new(server, storm, day).passes());
}

/// Whether a request is what moves the branch.
fn moves_main(request: &Request) -> bool {
    request.method == "PUT" && request.path.ends_with("/refs/heads/main/1")
}

const CALM: Storm = Storm { days: 1, name: "calm", faults: &[], percent: 0, few: 0, ends: &[] };

#[test]
fn a_lost_answer_to_the_last_step_is_found_out() {
    let Some(server) = servers::s3() else { return };
    let coast = Coast::new(server, CALM, 2);
    let mut is_over = false;
    coast.proxy.set(move |request, _| {
        let is_first = moves_main(request) && !std::mem::replace(&mut is_over, true);
        is_first.then_some(CutAfter)
    });
    coast.ada.ok(&["push"]);
    assert_eq!(coast.proxy.struck().len(), 1);
    assert!(coast.has_pushed(&coast.ada));
}

#[test]
fn what_nobody_can_know_is_said_to_be_unknown() {
    let Some(server) = servers::s3() else { return };
    for (last, is_done) in [(CutBefore, false), (CutAfter, true)] {
        let coast = Coast::new(server, CALM, u64::from(is_done));
        let mut is_over = false;
        coast.proxy.set(move |request, _| {
            is_over |= moves_main(request);
            is_over.then_some(if moves_main(request) { last } else { CutBefore })
        });
        let told = steady(&coast.ada.mdl(&["push"]));
        coast.proxy.calm();
        insta::allow_duplicates! {
            insta::assert_snapshot!(told.replace(&coast.through, "<bucket>"), @r"
            to origin (<bucket>)
              main   unknown: it may have been moved or not: the remote broke off
            sent <n> objects, <size>
            ---
            hint: run the command again: it finds out whether it was done
            [exit 9]
            ");
        }
        assert_eq!(coast.has_pushed(&coast.ada), is_done);
        coast.ada.ok(&["push"]);
        assert!(coast.has_pushed(&coast.ada));
    }
}

/// As a command may end where nothing that arrives is wrong.
const TOLD: &[i32] = &[0, 4, 9];

#[test]
fn answers_that_come_late_are_waited_for() {
    weathers(Storm { days: 1, name: "late", faults: &[Late], percent: 50, few: 0, ends: &[0, 4] });
}

#[test]
fn requests_that_arrive_twice_do_what_one_does() {
    weathers(Storm { days: 1, name: "twice", faults: &[Twice], percent: 60, few: 0, ends: &[0, 4] });
}

#[test]
fn connections_that_break_are_made_again_or_told() {
    let faults = &[CutBefore, CutAfter, Short];
    weathers(Storm { days: 1, name: "cuts", faults, percent: 30, few: 0, ends: TOLD });
}

#[test]
fn a_network_that_goes_away_is_told() {
    let faults = &[CutBefore, CutAfter];
    weathers(Storm { days: 1, name: "outage", faults, percent: 100, few: 12, ends: TOLD });
}

#[test]
fn servers_that_are_busy_are_asked_again() {
    let faults = &[Busy, BusyAfter];
    weathers(Storm { days: 1, name: "busy", faults, percent: 30, few: 0, ends: TOLD });
}

#[test]
fn what_is_wrong_when_it_arrives_is_found_before_it_is_used() {
    let faults = &[FlipReceived];
    weathers(Storm { days: 3, name: "lies", faults, percent: 30, few: 0, ends: &[0, 4, 5, 7] });
}

#[test]
fn what_is_wrong_when_it_is_sent_is_sent_again() {
    weathers(Storm { days: 1, name: "sent", faults: &[FlipSent], percent: 30, few: 0, ends: TOLD });
}

#[test]
fn all_at_once_is_weathered() {
    let faults = &[CutBefore, CutAfter, Late, Short, Twice, FlipSent, FlipReceived, Busy, BusyAfter];
    weathers(Storm { days: 2, name: "all", faults, percent: 25, few: 0, ends: &[0, 4, 5, 7, 9] });
}
