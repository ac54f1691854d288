//! Deliveries: in whatever order and pieces contents come, each arrives once, and none that is something else.

use proptest::prelude::*;

use super::*;
use crate::store::layout::Place as Lies;

/// Contents as they come, and which of them were verified.
struct Sink {
    contents: Mutex<Vec<Vec<u8>>>,
    verified: Mutex<Vec<usize>>,
    read_back: AtomicUsize,
}

impl Sink {
    fn new(wanted: &[(ContentId, u64)]) -> Self {
        let contents = wanted.iter().map(|(_, size)| vec![0; *size as usize]).collect();
        Self { contents: Mutex::new(contents), verified: Mutex::default(), read_back: AtomicUsize::new(0) }
    }
}

impl ContentSink for Sink {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        self.contents.lock().unwrap()[index][offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        self.read_back.fetch_add(buffer.len(), Ordering::Relaxed);
        buffer.copy_from_slice(&self.contents.lock().unwrap()[index][offset as usize..][..buffer.len()]);
        Ok(())
    }

    fn verified(&self, index: usize) -> Result<(), ObjectError> {
        self.verified.lock().unwrap().push(index);
        Ok(())
    }
}

fn id_of(chunk: &[u8]) -> Digest {
    ContentId::of(chunk).digest()
}

fn children(chunks: &[Vec<u8>]) -> Vec<Child> {
    chunks.iter().map(|chunk| Child { id: id_of(chunk), size: chunk.len() as u64 }).collect()
}

/// A frame with these chunks, and its entries.
fn frame(chunks: &[&Vec<u8>]) -> (Vec<Entry>, Vec<u8>) {
    let (mut entries, mut raw) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let place = Lies { frame: 0, offset: raw.len() as u32, length: chunk.len() as u32 };
        entries.push(Entry { id: id_of(chunk), kind: EntryKind::Chunk, place });
        raw.extend_from_slice(chunk);
    }
    (entries, raw)
}

fn whole(chunks: &[Vec<u8>]) -> (ContentId, u64) {
    let bytes = chunks.concat();
    (ContentId::of(&bytes), bytes.len() as u64)
}

proptest! {
    #[test]
    fn in_whatever_order_and_frames_they_come_contents_arrive_once(
        lens in proptest::collection::vec(1usize..40, 2..12),
        order in proptest::collection::vec(any::<u32>(), 12),
        per_frame in 1usize..5,
        most in 0usize..120,
    ) {
        // Two contents that have their first chunk in common, the second of them wanted twice.
        let chunk = |number: usize, len: usize| vec![number as u8; len];
        let first: Vec<Vec<u8>> = lens.iter().enumerate().map(|(number, len)| chunk(number, *len)).collect();
        let second = vec![first[0].clone(), chunk(100, 7), chunk(101, 3)];
        let wanted = [whole(&first), whole(&second), whole(&second), whole(&[first[1].clone()])];
        let sink = Sink::new(&wanted);
        let mut deliveries = Deliveries::new(&wanted, &sink);
        deliveries.most = most;
        deliveries.expect_chunks(wanted[0].0, &children(&first)).unwrap();
        for _ in 0..2 {
            deliveries.expect_chunks(wanted[1].0, &children(&second)).unwrap();
        }
        deliveries.expect_chunk(wanted[3].0).unwrap();
        deliveries.expect_chunk(ContentId::of(b"that nobody waits for")).unwrap();
        deliveries.begin();
        let mut coming: Vec<&Vec<u8>> = first.iter().chain(&second[1..]).collect();
        let mut order = order.iter().cycle();
        coming.sort_by_cached_key(|_| order.next());
        for chunks in coming.chunks(per_frame) {
            let (entries, mut raw) = frame(chunks);
            deliveries.deliver(&entries, &mut raw).unwrap();
        }
        prop_assert_eq!(deliveries.stashed.load(Ordering::Relaxed), 0);
        let mut verified = sink.verified.into_inner().unwrap();
        verified.sort_unstable();
        prop_assert_eq!(verified, [0, 1, 2, 3]);
        let contents = sink.contents.into_inner().unwrap();
        prop_assert_eq!(contents, [first.concat(), second.concat(), second.concat(), first[1].clone()]);
    }
}

#[test]
fn what_there_is_no_room_for_is_read_back() {
    let chunks = [vec![1; 10], vec![2; 20], vec![3; 30]];
    let wanted = [whole(&chunks)];
    for (most, read_back) in [(0, 50), (25, 30), (30, 20), (50, 0)] {
        let sink = Sink::new(&wanted);
        let mut deliveries = Deliveries::new(&wanted, &sink);
        deliveries.most = most;
        deliveries.expect_chunks(wanted[0].0, &children(&chunks)).unwrap();
        deliveries.begin();
        // With room for 25 bytes the last chunk is not kept, and the one before it is.
        for chunk in chunks.iter().rev() {
            assert!(sink.verified.lock().unwrap().is_empty());
            let (entries, mut raw) = frame(&[chunk]);
            deliveries.deliver(&entries, &mut raw).unwrap();
        }
        assert_eq!(*sink.verified.lock().unwrap(), [0]);
        assert_eq!(sink.read_back.load(Ordering::Relaxed), read_back, "{most}");
    }
}

#[test]
fn chunks_that_make_something_else_are_found_out() {
    let chunks = [vec![1; 10], vec![2; 20], vec![3; 30]];
    let wanted = [(ContentId::of(b"something else"), 60)];
    for frames in [vec![vec![&chunks[0], &chunks[1], &chunks[2]]], chunks.iter().map(|it| vec![it]).collect()]
    {
        let sink = Sink::new(&wanted);
        let mut deliveries = Deliveries::new(&wanted, &sink);
        deliveries.expect_chunks(wanted[0].0, &children(&chunks)).unwrap();
        deliveries.begin();
        let deliver = |chunks: &Vec<&Vec<u8>>| {
            let (entries, mut raw) = frame(chunks);
            deliveries.deliver(&entries, &mut raw)
        };
        let failed = frames.iter().find_map(|chunks| deliver(chunks).err());
        assert!(matches!(failed, Some(StoreError::CorruptContent { content, .. }) if content == wanted[0].0));
        assert!(sink.verified.lock().unwrap().is_empty());
    }
}

#[test]
fn sizes_that_disagree_are_found_out() {
    let chunk = vec![1; 10];
    let id = ContentId::of(&chunk);
    let longer = [(id, 11)];
    let sink = Sink::new(&longer);
    let mut deliveries = Deliveries::new(&longer, &sink);
    deliveries.expect_chunk(id).unwrap();
    deliveries.begin();
    let (entries, mut raw) = frame(&[&chunk]);
    assert!(matches!(deliveries.deliver(&entries, &mut raw), Err(StoreError::CorruptContent { .. })));
    let sizes = children(&[vec![2; 4], vec![3; 5]]);
    let mut deliveries = Deliveries::new(&longer, &sink);
    assert!(matches!(deliveries.expect_chunks(id, &sizes), Err(StoreError::CorruptContent { .. })));
    assert!(sink.verified.lock().unwrap().is_empty());
}

#[test]
fn what_has_too_many_chunks_is_left_out() {
    let chunk = vec![1; 10];
    let many = vec![Child { id: id_of(&chunk), size: 10 }; MOST_PLACES + 1];
    let wanted =
        [(ContentId::of(b"many times the same"), 10 * many.len() as u64), (ContentId::of(&chunk), 10)];
    let sink = Sink::new(&wanted[1..]);
    let mut deliveries = Deliveries::new(&wanted, &sink);
    deliveries.expect_chunks(wanted[0].0, &many).unwrap();
    assert!(deliveries.places.is_empty());
    deliveries.begin();
    let (entries, mut raw) = frame(&[&chunk]);
    deliveries.deliver(&entries, &mut raw).unwrap();
    assert!(sink.verified.into_inner().unwrap().is_empty());
}

#[test]
fn large_buffers_are_not_kept_for_little() {
    let chunks: Vec<Vec<u8>> = (0..40).map(|number| vec![number; 10]).collect();
    let wanted = [whole(&chunks)];
    let sink = Sink::new(&wanted);
    let mut deliveries = Deliveries::new(&wanted, &sink);
    deliveries.expect_chunks(wanted[0].0, &children(&chunks)).unwrap();
    deliveries.begin();
    // Each in a buffer that had a large frame before.
    for chunk in chunks.iter().rev() {
        let (entries, bytes) = frame(&[chunk]);
        let mut raw = Vec::with_capacity(1 << 20);
        raw.extend_from_slice(&bytes);
        deliveries.deliver(&entries, &mut raw).unwrap();
        assert!(deliveries.stashed.load(Ordering::Relaxed) <= 1000);
    }
    assert!(!sink.verified.lock().unwrap().is_empty());
    assert!(deliveries.spare().len() <= SPARES);
}
