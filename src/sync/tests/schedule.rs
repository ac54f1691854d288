//! One schedule, drawn from a seed: actors are threads that wait before each operation until it is their turn.
//!
//! Actors pause for long, crash, and lose the replies to what they create: done, or landing at a later time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};

use super::check::Checker;
use super::explore::told;
use super::steps::{Answer, Names, Reply, Request, Steps, World};
use super::{Actor, End};
use crate::storage::testing::draw_from;

/// Where an actor stands.
enum Turn {
    /// It computes.
    Busy,
    Asks(Request),
    Answered(Reply),
    Ended(End),
}

struct Gate {
    turns: Mutex<Vec<Turn>>,
    changed: Condvar,
}

struct Seat {
    gate: Arc<Gate>,
    actor: usize,
}

impl Answer for Seat {
    fn answer(&self, request: Request) -> Reply {
        let mut turns = self.gate.turns.lock().unwrap();
        turns[self.actor] = Turn::Asks(request);
        self.gate.changed.notify_all();
        loop {
            match std::mem::replace(&mut turns[self.actor], Turn::Busy) {
                Turn::Answered(reply) => return reply,
                other => turns[self.actor] = other,
            }
            turns = self.gate.changed.wait(turns).unwrap();
        }
    }
}

/// Random numbers of a seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below another.
    pub(super) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }
}

/// How rough a schedule is: one in so many steps, each.
#[derive(Clone, Copy)]
pub(super) struct Weather {
    pub(super) switch: usize,
    pub(super) loss: usize,
    pub(super) crash: usize,
    pub(super) pause: usize,
}

/// Steps that no schedule needs.
const MOST_STEPS: usize = 20_000;

struct Schedule<'a> {
    actors: &'a [Actor],
    names: &'a mut Names,
    world: World,
    late: Vec<(u32, u32)>,
    failed: Vec<bool>,
    crashed: Vec<bool>,
    /// The step before which an actor sleeps.
    asleep: Vec<usize>,
    current: usize,
    dice: Dice,
    weather: Weather,
    told: Vec<Told>,
    step: usize,
}

enum Told {
    Step(usize, Request, Reply),
    Crash(usize),
    Late(u32),
}

/// Runs a schedule to its end, and says what the keys are then. An error tells the schedule.
pub(super) fn run(
    seed: u64,
    weather: Weather,
    world: World,
    names: &mut Names,
    actors: &[Actor],
    checker: &mut Checker,
) -> Result<(World, Vec<End>), String> {
    let turns = actors.iter().map(|_| Turn::Busy).collect();
    let gate = Arc::new(Gate { turns: Mutex::new(turns), changed: Condvar::new() });
    let mut schedule = Schedule {
        actors,
        names,
        world,
        late: Vec::new(),
        failed: vec![false; actors.len()],
        crashed: vec![false; actors.len()],
        asleep: vec![0; actors.len()],
        current: 0,
        dice: Dice::new(seed),
        weather,
        told: Vec::new(),
        step: 0,
    };
    std::thread::scope(|scope| {
        for (number, actor) in actors.iter().enumerate() {
            let gate = gate.clone();
            scope.spawn(move || {
                draw_from(actor.seed ^ seed);
                let seat = Steps(Arc::new(Seat { gate: gate.clone(), actor: number }));
                let acted = catch_unwind(AssertUnwindSafe(|| (actor.act)(Arc::new(seat))));
                let end = acted.unwrap_or_else(|_| End::Failed("it panicked".to_owned()));
                gate.turns.lock().unwrap()[number] = Turn::Ended(end);
                gate.changed.notify_all();
            });
        }
        let ended = schedule.drive(&gate, checker);
        // Who still waits is let go.
        schedule.crashed = vec![true; actors.len()];
        schedule.release(&gate);
        ended.map_err(|problem| format!("seed {seed}: {problem}\n{}", schedule.tell()))
    })
}

impl Schedule<'_> {
    fn drive(&mut self, gate: &Gate, checker: &mut Checker) -> Result<(World, Vec<End>), String> {
        loop {
            let mut turns = gate.turns.lock().unwrap();
            while turns.iter().any(|turn| matches!(turn, Turn::Busy | Turn::Answered(_))) {
                turns = gate.changed.wait(turns).unwrap();
            }
            self.check(&turns, checker)?;
            if let Some(actor) = self.choose(&turns) {
                let Turn::Asks(request) = &turns[actor] else { unreachable!() };
                let request = request.clone();
                let Some(reply) = self.answer(actor, &request) else { continue };
                turns[actor] = Turn::Answered(reply);
                gate.changed.notify_all();
            } else if let Some((key, blob)) = self.late.pop() {
                self.world.insert(key, blob);
            } else {
                let end = |(number, turn): (usize, &Turn)| match turn {
                    Turn::Ended(end) if !self.crashed[number] => end.clone(),
                    _ => End::Crashed,
                };
                return Ok((self.world.clone(), turns.iter().enumerate().map(end).collect()));
            }
            self.step += 1;
            if self.step > MOST_STEPS {
                return Err("it does not end".to_owned());
            }
        }
    }

    fn check(&self, turns: &[Turn], checker: &mut Checker) -> Result<(), String> {
        let ends = self.actors.iter().zip(turns).zip(&self.failed).zip(&self.crashed);
        let ends = ends.map(|(((actor, turn), failed), crashed)| match turn {
            Turn::Ended(end) if !crashed => (actor, Some(end), *failed),
            _ => (actor, None, *failed),
        });
        checker.check(self.names, &self.world, ends)
    }

    /// Whose turn it is; the current one's, mostly.
    fn choose(&mut self, turns: &[Turn]) -> Option<usize> {
        let waits = |actor: usize| matches!(turns[actor], Turn::Asks(_)) && !self.crashed[actor];
        let waiting: Vec<usize> = (0..turns.len()).filter(|actor| waits(*actor)).collect();
        let awake: Vec<usize> =
            waiting.iter().copied().filter(|actor| self.asleep[*actor] <= self.step).collect();
        let ready = if awake.is_empty() { waiting } else { awake };
        if ready.is_empty() {
            return None;
        }
        if !ready.contains(&self.current) || self.dice.roll(self.weather.switch) == 0 {
            self.current = ready[self.dice.roll(ready.len())];
        }
        Some(self.current)
    }

    /// The reply to an operation; `None` if the actor crashes instead, or falls asleep.
    fn answer(&mut self, actor: usize, request: &Request) -> Option<Reply> {
        let Weather { loss, crash, pause, .. } = self.weather;
        if self.dice.roll(crash) == 0 {
            self.told.push(Told::Crash(actor));
            self.crashed[actor] = true;
            return None;
        }
        if self.asleep[actor] == 0 && self.dice.roll(pause) == 0 {
            self.asleep[actor] = self.step + 1 + self.dice.roll(400);
            return None;
        }
        if !self.late.is_empty() && self.dice.roll(20) == 0 {
            let at = self.dice.roll(self.late.len());
            let (key, blob) = self.late.remove(at);
            self.told.push(Told::Late(key));
            self.world.insert(key, blob);
        }
        let reply = match request {
            Request::Create(key, blob) if self.dice.roll(loss) == 0 => {
                self.failed[actor] = true;
                if self.dice.roll(2) == 0 {
                    self.world.create(self.names, key, blob);
                } else {
                    self.late.push((self.names.key(key), self.names.blob(blob)));
                }
                Reply::Failed
            }
            request => self.world.answer(self.names, request),
        };
        self.told.push(Told::Step(actor, request.clone(), reply.clone()));
        Some(reply)
    }

    fn tell(&self) -> String {
        let line = |step: &Told| match step {
            Told::Step(actor, request, reply) => told(self.actors[*actor].name, Some(request), Some(reply)),
            Told::Crash(actor) => format!("{} crashes", self.actors[*actor].name),
            Told::Late(key) => format!("late: {}", self.names.key_of(*key)),
        };
        self.told.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Answers nothing to anybody, until all are gone.
    fn release(&self, gate: &Gate) {
        let mut turns = gate.turns.lock().unwrap();
        while !turns.iter().all(|turn| matches!(turn, Turn::Ended(_))) {
            for turn in turns.iter_mut().filter(|turn| matches!(turn, Turn::Asks(_))) {
                *turn = Turn::Answered(Reply::Failed);
            }
            gate.changed.notify_all();
            turns = gate.changed.wait(turns).unwrap();
        }
    }
}
