//! Every schedule, up to a bound: a step is an operation on the storage, and all states are visited once.
//!
//! An actor is a function of the replies it got. What it asks after some replies is found out once, by running it
//! again from the start, and remembered in a tree of replies. So a state is the keys and a place in each actor's
//! tree: most steps cost nothing but a look, though it is the real code that takes them.
//!
//! An actor that never goes on is every state in which the others go on alone. A switch away from an actor that
//! could go on counts as a *preemption*; bounding those finds what is short first.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex};

use super::check::Checker;
use super::steps::{Answer, Names, Reply, Request, Steps, World};
use super::{Actor, End};
use crate::storage::testing::draw_from;

/// Answers from a record, and notes the first request that is not in it.
struct Replay {
    replies: Vec<Reply>,
    state: Mutex<(usize, Option<Request>)>,
}

impl Answer for Replay {
    fn answer(&self, request: Request) -> Reply {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        if let Some(reply) = self.replies.get(state.0 - 1) {
            return reply.clone();
        }
        state.1.get_or_insert(request);
        Reply::Failed
    }
}

/// A place in an actor's tree of replies.
struct Place {
    /// Where it was before, and what it was told there.
    before: Option<(u32, Reply)>,
    next: Result<Request, End>,
    /// Whether a reply was lost on the way.
    failed: bool,
}

struct Tree<'a> {
    actor: &'a Actor,
    places: Vec<Place>,
    after: HashMap<(u32, Reply), u32>,
}

impl<'a> Tree<'a> {
    fn new(actor: &'a Actor) -> Self {
        let mut tree = Self { actor, places: Vec::new(), after: HashMap::new() };
        let next = tree.run(Vec::new());
        tree.places.push(Place { before: None, next, failed: false });
        tree
    }

    fn run(&self, replies: Vec<Reply>) -> Result<Request, End> {
        let replay = Arc::new(Replay { replies, state: Mutex::default() });
        draw_from(self.actor.seed);
        let end = (self.actor.act)(Arc::new(Steps(replay.clone())));
        let mut state = replay.state.lock().unwrap();
        assert!(state.0 >= replay.replies.len(), "{} takes other steps than before", self.actor.name);
        state.1.take().ok_or(end)
    }

    fn after(&mut self, place: u32, reply: Reply) -> u32 {
        let step = (place, reply);
        if let Some(next) = self.after.get(&step) {
            return *next;
        }
        let (mut replies, mut at) = (vec![step.1.clone()], place);
        while let Some((before, reply)) = &self.places[at as usize].before {
            replies.push(reply.clone());
            at = *before;
        }
        replies.reverse();
        let next = self.run(replies);
        let failed = self.places[place as usize].failed || step.1 == Reply::Failed;
        self.places.push(Place { before: Some(step.clone()), next, failed });
        self.after.insert(step, self.places.len() as u32 - 1);
        self.places.len() as u32 - 1
    }
}

/// More preemptions than any schedule has.
pub(super) const ALL: u8 = u8::MAX;

/// What the schedules may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// At most; [`ALL`] for every order there is.
    pub(super) preemptions: u8,
    /// Creates whose reply is lost, done or landing at any later time.
    pub(super) losses: u8,
    /// Lost creates of other keys than these are left out.
    pub(super) lose: &'static str,
    pub(super) states: usize,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    world: World,
    places: Vec<u32>,
    late: Vec<(u32, u32)>,
    current: u8,
    losses: u8,
}

/// How far a search came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explored {
    pub(super) states: usize,
    /// All schedules with so many preemptions were visited.
    pub(super) preemptions: Option<u8>,
}

pub(super) struct Explorer<'a> {
    names: Names,
    checker: &'a mut Checker,
    trees: Vec<Tree<'a>>,
    bounds: Bounds,
    /// The preemptions that were left when a state was visited, at most.
    seen: HashMap<u64, u8, BuildHasherDefault<DefaultHasher>>,
    /// How a state was come to, to tell of it.
    from: Vec<(usize, Step)>,
}

#[derive(Clone, Copy)]
enum Step {
    Start,
    /// Where the actor was and where it came to.
    Of {
        actor: usize,
        before: u32,
        after: u32,
    },
    Late(u32),
}

/// Visits every state; an error tells the schedule that breaks an invariant.
pub(super) fn explore(
    world: impl FnOnce(&mut Names) -> World,
    actors: &[Actor],
    bounds: Bounds,
    checker: &mut Checker,
) -> Result<Explored, String> {
    let trees = actors.iter().map(Tree::new).collect();
    let mut explorer = Explorer {
        names: Names::default(),
        checker,
        trees,
        bounds,
        seen: HashMap::default(),
        from: Vec::new(),
    };
    let world = world(&mut explorer.names);
    explorer.run(world)
}

impl Explorer<'_> {
    fn run(&mut self, world: World) -> Result<Explored, String> {
        let places = vec![0; self.trees.len()];
        let start = State { world, places, late: Vec::new(), current: u8::MAX, losses: self.bounds.losses };
        self.from.push((0, Step::Start));
        // Those with the fewest preemptions first.
        let most = usize::from(self.bounds.preemptions);
        let mut open: Vec<Vec<(State, usize)>> = vec![Vec::new(); most + 1];
        open[most].push((start, 0));
        while let Some(left) = (0..=most).rev().find(|left| !open[*left].is_empty()) {
            let Some((state, from)) = open[left].pop() else { unreachable!() };
            let left = left as u8;
            if self.from.len() > self.bounds.states {
                let preemptions = self.bounds.preemptions.checked_sub(left + 1);
                return Ok(Explored { states: self.from.len(), preemptions });
            }
            self.check(&state, from)?;
            for (next, left, what) in self.successors(&state, left) {
                let hash = self.seen.hasher().hash_one(&next);
                let known = self.seen.get(&hash);
                if known.is_none_or(|known| *known < left) {
                    self.seen.insert(hash, left);
                    self.from.push((from, what));
                    open[usize::from(left)].push((next, self.from.len() - 1));
                }
            }
        }
        Ok(Explored { states: self.from.len(), preemptions: Some(self.bounds.preemptions) })
    }

    fn check(&mut self, state: &State, from: usize) -> Result<(), String> {
        let ends = self.trees.iter().zip(&state.places).map(|(tree, place)| {
            let place = &tree.places[*place as usize];
            (tree.actor, place.next.as_ref().err(), place.failed)
        });
        let checked = self.checker.check(&self.names, &state.world, ends);
        checked.map_err(|problem| format!("{problem}\n{}", self.schedule(from)))
    }

    fn schedule(&self, mut from: usize) -> String {
        let mut steps = Vec::new();
        while from > 0 {
            steps.push(self.step(self.from[from].1));
            from = self.from[from].0;
        }
        steps.reverse();
        steps.join("\n")
    }

    fn step(&self, step: Step) -> String {
        match step {
            Step::Start => String::new(),
            Step::Late(key) => format!("late: {}", self.names.key_of(key)),
            Step::Of { actor, before, after } => {
                let tree = &self.trees[actor];
                let reply = tree.places[after as usize].before.as_ref().map(|(_, reply)| reply);
                told(tree.actor.name, tree.places[before as usize].next.as_ref().ok(), reply)
            }
        }
    }

    fn successors(&mut self, state: &State, left: u8) -> Vec<(State, u8, Step)> {
        let mut next = Vec::new();
        let current = state.current;
        let goes_on = |trees: &[Tree<'_>], actor: usize| {
            trees.get(actor).is_some_and(|tree| tree.places[state.places[actor] as usize].next.is_ok())
        };
        let preempts = goes_on(&self.trees, current.into());
        for actor in 0..self.trees.len() {
            let cost = u8::from(preempts && actor != usize::from(current));
            if goes_on(&self.trees, actor) && cost <= left {
                self.steps_of(state, actor, left - cost, &mut next);
            }
        }
        for late in 0..state.late.len() {
            let mut lands = state.clone();
            let (key, blob) = lands.late.remove(late);
            lands.world.insert(key, blob);
            next.push((lands, left, Step::Late(key)));
        }
        // The current one last, so that it is visited first.
        next.sort_by_key(|(state, ..)| state.current == current);
        next
    }

    fn steps_of(&mut self, state: &State, actor: usize, left: u8, next: &mut Vec<(State, u8, Step)>) {
        let tree = &mut self.trees[actor];
        let Ok(request) = tree.places[state.places[actor] as usize].next.clone() else { return };
        let counts = self.bounds.preemptions != ALL;
        let mut take = |mut state: State, reply: Reply, tree: &mut Tree<'_>| {
            let before = state.places[actor];
            let after = tree.after(before, reply);
            state.places[actor] = after;
            // Whose turn it was matters to nobody where preemptions are not counted.
            state.current = if counts { actor as u8 } else { u8::MAX };
            next.push((state, left, Step::Of { actor, before, after }));
        };
        let mut done = state.clone();
        let reply = done.world.answer(&mut self.names, &request);
        if let (1.., Request::Create(key, blob)) = (state.losses, &request)
            && key.as_str().starts_with(self.bounds.lose)
        {
            let mut lost = done.clone();
            lost.losses -= 1;
            take(lost, Reply::Failed, tree);
            let mut late = state.clone();
            late.losses -= 1;
            late.late.push((self.names.key(key), self.names.blob(blob)));
            take(late, Reply::Failed, tree);
        }
        take(done, reply, tree);
    }
}

/// A step in words.
pub(super) fn told(actor: &str, request: Option<&Request>, reply: Option<&Reply>) -> String {
    let request = match request {
        Some(Request::List(prefix)) => format!("list {prefix}"),
        Some(Request::Open(key)) => format!("open {key}"),
        Some(Request::Create(key, _)) => format!("create {key}"),
        Some(Request::Remove(key)) => format!("remove {key}"),
        None => "end".to_owned(),
    };
    let reply = match reply {
        Some(Reply::List(keys)) => {
            format!("{:?}", keys.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>())
        }
        Some(Reply::Open(found)) => format!("found: {}", found.is_some()),
        Some(Reply::Create(done)) => format!("created: {done}"),
        Some(Reply::Remove) => "removed".to_owned(),
        Some(Reply::Failed) => "no reply".to_owned(),
        None => String::new(),
    };
    format!("{actor}: {request} -> {reply}")
}
