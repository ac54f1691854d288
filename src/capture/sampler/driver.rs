//! The threads that talk to drivers: one that finds the cards, then one for each card.
//!
//! Nobody waits for them. One whose call never returns is left behind, and holds up neither the other cards nor the end.
//! The cards are in the order in which they are recorded as accelerators: NVIDIA's, then those that the kernel shows.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::capture::sampler::cards::{Ask, FromDriver, Reading};
use crate::capture::sampler::{Event, Setup, sysfs};
use crate::value::Value;

/// A card: whose it is, and what its thread does. Without, it tells nothing and is not asked.
pub(super) struct Card {
    pub(super) vendor: &'static str,
    pub(super) serve: Option<Box<dyn FnOnce(Talk) + Send>>,
}

/// How a card's thread talks to the sampler.
pub(super) struct Talk {
    card: usize,
    asks: Receiver<Ask>,
    events: Sender<Event>,
}

impl Talk {
    /// Says which card it is, and answers requests until nobody asks any more.
    pub(super) fn serve(self, entries: BTreeMap<String, Value>, mut read: impl FnMut(bool) -> Reading) {
        let (card, events) = (self.card, self.events);
        let _ = events.send(Event::Driver(FromDriver::Identity { card, entries }));
        for ask in self.asks {
            let reading = read(ask.is_last);
            if events.send(Event::Driver(FromDriver::Reading { card, ask, reading })).is_err() {
                return;
            }
        }
    }
}

/// Begins to look for cards. Everything that comes of it goes to `events`.
pub(super) fn start(setup: &Setup, events: Sender<Event>) {
    let (to, root) = (events.clone(), setup.root.clone());
    #[cfg(feature = "nvml")]
    let library = setup.library.clone();
    let begin = move || {
        #[cfg(feature = "nvml")]
        let (mut cards, gaps) = crate::capture::sampler::nvidia::cards(&library);
        #[cfg(not(feature = "nvml"))]
        let (mut cards, gaps) = (Vec::new(), Vec::new());
        cards.extend(sysfs::cards(&root));
        let (mut found, mut threads) = (Vec::new(), Vec::new());
        for (card, Card { vendor, serve }) in cards.into_iter().enumerate() {
            let served = serve.map(|serve| {
                let (to, asks) = channel();
                threads.push((serve, Talk { card, asks, events: events.clone() }));
                to
            });
            found.push((vendor, served));
        }
        let _ = events.send(Event::Driver(FromDriver::Found { cards: found, gaps }));
        for (serve, talk) in threads {
            let name = format!("card {}", talk.card);
            // Without a thread the card's requests fail, and it is absent.
            let _ = std::thread::Builder::new().name(name).spawn(move || serve(talk));
        }
    };
    if std::thread::Builder::new().name("cards".into()).spawn(begin).is_err() {
        let gaps = vec!["no thread to ask the drivers of accelerators with".to_owned()];
        let _ = to.send(Event::Driver(FromDriver::Found { cards: Vec::new(), gaps }));
    }
}
