//! Storages over pipes, and what a hostile other side tries.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mdl::encoding::Writer;
use mdl::storage::stream::message::{self, Failure, Reply, Request};
use mdl::storage::stream::{Access, Limits, Link, NoPeer, Root, Stream, frame, serve};
use mdl::storage::{Created, Key, Listed, Memory, Storage, StorageError, probe};

use crate::suite;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn served(storage: Arc<dyn Storage>, access: Access) -> Stream {
    let ((client_in, server_out), (mut server_in, client_out)) = (io::pipe().unwrap(), io::pipe().unwrap());
    std::thread::spawn(move || {
        serve(&|_| Ok(storage.clone()), &mut server_in, Box::new(server_out), access).unwrap();
    });
    Stream::over(client_in, client_out, "").unwrap()
}

#[test]
fn memory_over_pipes_conforms() {
    suite::run(&|check| check(&served(Arc::new(Memory::new()), Access::ReadWrite)));
    probe(&served(Arc::new(Memory::new()), Access::ReadWrite)).unwrap();
}

#[test]
fn long_bodies_go_in_pieces_and_many_ask_at_once() {
    let storage = served(Arc::new(Memory::new()), Access::ReadWrite);
    let body: Vec<u8> = (0..(5 << 20) + 7).map(|at: u32| (at % 253) as u8).collect();
    assert_eq!(storage.create(&key("long"), &body).unwrap(), Created::Created);
    assert_eq!(storage.create(&key("long"), &body).unwrap(), Created::Exists);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (storage, body) = (&storage, &body);
            scope.spawn(move || {
                assert!(storage.read(&key("long"), 1 << 30).unwrap().unwrap() == *body);
                for number in 0..20 {
                    let key = key(&format!("t{thread}/{number}"));
                    storage.create(&key, &[thread; 100]).unwrap();
                    assert_eq!(storage.read(&key, 100).unwrap().unwrap(), [thread; 100]);
                }
            });
        }
    });
    assert_eq!(storage.list("").unwrap().len(), 161);
}

#[test]
fn listings_of_many_pages_come_whole() {
    let memory = Memory::new();
    let names: Vec<Key> = (0..20_000).map(|number| key(&format!("refs/runs/{number:0>40}/0"))).collect();
    for name in &names {
        memory.create(name, b"").unwrap();
    }
    let listed = served(Arc::new(memory), Access::ReadOnly).list("refs").unwrap();
    assert!(listed.into_iter().map(|listed| listed.key).eq(names));
}

#[test]
fn access_is_what_the_server_says() {
    let memory = Memory::new();
    memory.create(&key("a"), b"kept").unwrap();
    let append = served(Arc::new(memory.clone()), Access::AppendOnly);
    assert!(append.remove(&key("a")).unwrap_err().is_refusal());
    append.create(&key("b"), b"").unwrap();
    let reader = served(Arc::new(memory.clone()), Access::ReadOnly);
    assert!(reader.create(&key("c"), b"").unwrap_err().is_refusal());
    assert!(reader.draft().err().unwrap().is_refusal());
    assert!(reader.remove(&key("a")).unwrap_err().is_refusal());
    assert_eq!(reader.read(&key("a"), 9).unwrap().unwrap(), b"kept");
    assert_eq!(memory.list("").unwrap().len(), 2);
}

#[test]
fn a_lost_connection_is_an_error_and_the_next_operation_connects_anew() {
    let memory = Memory::new();
    let connections: Arc<Mutex<Vec<UnixStream>>> = Arc::default();
    let (served, held) = (memory.clone(), connections.clone());
    let connect = move || {
        let (ours, theirs) = UnixStream::pair()?;
        held.lock().unwrap().push(theirs.try_clone()?);
        let storage: Arc<dyn Storage> = Arc::new(served.clone());
        std::thread::spawn(move || {
            let output = Box::new(theirs.try_clone().unwrap());
            let _ = serve(&|_| Ok(storage.clone()), &mut { theirs }, output, Access::ReadWrite);
        });
        Ok(Link { input: Box::new(ours.try_clone()?), output: Box::new(ours), peer: Box::new(NoPeer) })
    };
    let storage = Stream::connect(connect, "").unwrap();
    storage.create(&key("a"), b"0123").unwrap();
    let body = storage.open(&key("a")).unwrap().unwrap();
    let mut draft = storage.draft().unwrap();
    draft.write(b"x").unwrap();
    connections.lock().unwrap()[0].shutdown(std::net::Shutdown::Both).unwrap();
    let error = draft.publish(&key("b")).unwrap_err();
    assert!(matches!(error.source.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error:?}");
    assert!(!error.is_refusal());
    let mut range = [0; 2];
    body.read_at(1, &mut range).unwrap();
    assert_eq!(&range, b"12");
    storage.settle("").unwrap();
    assert_eq!(storage.list("").unwrap().len(), 1, "nobody created what was not published");
    assert_eq!(connections.lock().unwrap().len(), 2);
}

/// What a client gets of a server that says these bytes, what follows a welcome only when it was asked something, and
/// then closes its side.
fn hear(said: Vec<u8>, act: impl FnOnce(&Stream) -> Result<(), StorageError>) -> io::Error {
    let ((client_in, mut server_out), (mut server_in, client_out)) =
        (io::pipe().unwrap(), io::pipe().unwrap());
    std::thread::spawn(move || {
        let welcome = welcomed(&[]);
        let first = if said.starts_with(&welcome) { welcome.len() } else { said.len() };
        let _ = server_out.write_all(&said[..first]);
        if said.len() > first {
            let _ = server_in.read_exact(&mut [0; 6]);
            let _ = (frame::read(&mut server_in), frame::read(&mut server_in));
            let _ = server_out.write_all(&said[first..]);
        }
        drop(server_out);
        let _ = io::copy(&mut server_in, &mut io::sink());
    });
    match Stream::over(client_in, client_out, "") {
        Ok(stream) => act(&stream).unwrap_err().source,
        Err(error) => error,
    }
}

fn framed(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|bytes_of| frame::write(&mut bytes, bytes_of).unwrap());
    bytes
}

fn welcomed(frames: &[Vec<u8>]) -> Vec<u8> {
    [b"mdl 1\n".to_vec(), framed(&[message::welcome(&Ok(Access::ReadWrite))]), framed(frames)].concat()
}

fn listing(name: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.list(4);
    writer.unsigned(1);
    writer.text("keys");
    writer.simple(Some(false));
    writer.list(2);
    writer.text(name);
    writer.unsigned(1);
    writer.into_bytes()
}

#[test]
fn hostile_servers_are_told_from_good_ones() {
    let list = |stream: &Stream| stream.list("packs").map(drop);
    for name in ["../../x", "/etc/passwd", "packs/../x", "refs/x", "packs", "pa\u{1b}cks/x"] {
        assert_eq!(hear(welcomed(&[listing(name)]), list).kind(), ErrorKind::InvalidData, "{name}");
    }
    let listed = |name: &str| Listed { key: key(name), size: 0 };
    let unsorted = Reply::Keys { more: false, keys: vec![listed("packs/b"), listed("packs/a")] }.to_frame(1);
    assert_eq!(hear(welcomed(&[unsorted]), list).kind(), ErrorKind::InvalidData);
    let empty = Reply::Keys { more: true, keys: Vec::new() }.to_frame(1);
    assert_eq!(hear(welcomed(&[empty]), list).kind(), ErrorKind::InvalidData);
    let read = |stream: &Stream| stream.read(&key("a"), 100).map(drop);
    for frames in [
        vec![Reply::Size(u64::MAX).to_frame(1)],
        vec![Reply::Bytes(&[0; 101]).to_frame(1)],
        vec![Reply::Done.to_frame(1)],
        vec![vec![]],
        vec![vec![0xff; 100]],
        vec![vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ] {
        let error = hear(welcomed(&frames), read);
        assert!(matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::Other), "{frames:?}: {error:?}");
    }
    let welcome = welcomed(&[]);
    assert_eq!(hear([&welcome[..], &[0xff; 64]].concat(), read).kind(), ErrorKind::InvalidData);
    assert_eq!(hear([&welcome[..], &[0, 0, 1, 0, 1]].concat(), read).kind(), ErrorKind::ConnectionReset);
    for cut in 0..welcome.len() {
        let error = hear(welcome[..cut].to_vec(), read);
        assert!(
            matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::InvalidData),
            "{cut}: {error:?}"
        );
    }
    assert!(hear(b"mdl 9\n".to_vec(), read).to_string().contains("another version"));
    // The reply to another request, then none.
    assert_eq!(hear(welcomed(&[Reply::Missing.to_frame(99)]), read).kind(), ErrorKind::ConnectionReset);
}

#[test]
fn endless_listings_end() {
    let ((client_in, mut server_out), (mut server_in, client_out)) =
        (io::pipe().unwrap(), io::pipe().unwrap());
    std::thread::spawn(move || io::copy(&mut server_in, &mut io::sink()));
    std::thread::spawn(move || {
        server_out.write_all(&welcomed(&[])).unwrap();
        for number in 0.. {
            let name = |part| key(&format!("{number:0>9}{part}{}", "x".repeat(60_000)));
            let keys = (0..9).map(|part| Listed { key: name(part), size: 0 }).collect();
            if server_out.write_all(&framed(&[Reply::Keys { more: true, keys }.to_frame(1)])).is_err() {
                break;
            }
        }
    });
    let link = Link { input: Box::new(client_in), output: Box::new(client_out), peer: Box::new(NoPeer) };
    let once = Mutex::new(Some(link));
    let connect = move || once.lock().unwrap().take().ok_or(ErrorKind::BrokenPipe.into());
    let stream = Stream::limited(connect, "", Limits { listing: 4 << 20, ..Limits::default() }).unwrap();
    let error = stream.list("").unwrap_err();
    assert!(error.source.to_string().contains("does not come to an end"), "{error:?}");
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let (sender, held) = (Mutex::new(Vec::<PipeWriter>::new()), Mutex::new(Vec::<PipeReader>::new()));
    let held = Arc::new((sender, held));
    for (said, welcome) in [(welcomed(&[]), true), (b"mdl 1\n".to_vec(), false), (Vec::new(), false)] {
        let held = held.clone();
        let connect = move || {
            let ((client_in, mut server_out), (server_in, client_out)) = (io::pipe()?, io::pipe()?);
            server_out.write_all(&said)?;
            held.0.lock().unwrap().push(server_out);
            held.1.lock().unwrap().push(server_in);
            Ok(Link { input: Box::new(client_in), output: Box::new(client_out), peer: Box::new(NoPeer) })
        };
        let start = Instant::now();
        let stream =
            Stream::limited(connect, "", Limits { silence: Duration::from_millis(300), ..Limits::default() });
        let error = match stream {
            // Nothing takes what is written, either.
            Ok(stream) => stream.create(&key("a"), &vec![0; 64 << 20]).unwrap_err().source,
            Err(error) => {
                assert!(!welcome);
                error
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

/// How a server ends that hears these bytes, and what it says.
fn say(storage: Arc<dyn Storage>, heard: &[u8]) -> (io::Result<()>, Vec<u8>) {
    say_to(storage, heard, Access::ReadWrite)
}

fn say_to(storage: Arc<dyn Storage>, heard: &[u8], access: Access) -> (io::Result<()>, Vec<u8>) {
    let (mut said, output) = io::pipe().unwrap();
    let listening = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        said.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let ended = serve(&|_| Ok(storage.clone()), &mut { heard }, Box::new(output), access);
    (ended, listening.join().unwrap())
}

fn greeted(frames: &[Vec<u8>]) -> Vec<u8> {
    [b"mdl 1\n".to_vec(), framed(&[message::hello("")]), framed(frames)].concat()
}

#[test]
fn hostile_clients_get_nothing() {
    let about = |verb: &str, text: &str| {
        let mut writer = Writer::default();
        writer.list(3);
        writer.unsigned(1);
        writer.text(verb);
        writer.text(text);
        writer.into_bytes()
    };
    let begin = |draft| Request::Draft(draft).to_frame(draft);
    let too_many: Vec<Vec<u8>> = (0..1000).map(begin).collect();
    let cases: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"mdl 1\n\xff\xff\xff\xff".to_vec(),
        greeted(&[about("open", "../../etc/passwd")]),
        greeted(&[about("list", "../..")]),
        greeted(&[about("list", "/")]),
        greeted(&[about("settle", "..")]),
        greeted(&[about("remove", "/x")]),
        greeted(&[about("rm -rf", "x")]),
        greeted(&[vec![0xff; 50]]),
        greeted(&[Request::Write { draft: 7, bytes: b"x" }.to_frame(1)]),
        greeted(&[Request::Publish { draft: 7, key: key("a") }.to_frame(1)]),
        greeted(&[begin(1), begin(1)]),
        greeted(&too_many),
        [greeted(&[]), vec![0, 0, 0, 9, 1]].concat(),
    ];
    let dir = tempfile::tempdir().unwrap();
    let folder = mdl::storage::Folder::new(dir.path().join("keys"), Arc::new(mdl::disk::OsDisk));
    for heard in cases {
        let (ended, _) = say(Arc::new(folder.clone()), &heard);
        assert!(ended.is_err(), "{:?}", String::from_utf8_lossy(&heard[..heard.len().min(80)]));
    }
    assert_eq!(folder.list("").unwrap(), []);
    let long = Request::Read { key: key("a"), offset: 0, length: u64::MAX }.to_frame(1);
    folder.create(&key("a"), b"x").unwrap();
    let (ended, said) = say(Arc::new(folder.clone()), &greeted(&[long]));
    ended.unwrap();
    assert!(String::from_utf8_lossy(&said).contains("failed"));
}

/// The client of this crate refuses by itself what it may not do. Another one asks all the same.
#[test]
fn a_reader_that_asks_all_the_same_changes_nothing() {
    let memory = Memory::new();
    memory.create(&key("a"), b"kept").unwrap();
    let asked = |requests: &[Request<'_>]| {
        let frames: Vec<Vec<u8>> =
            requests.iter().enumerate().map(|(at, request)| request.to_frame(at as u64 + 1)).collect();
        let (ended, said) = say_to(Arc::new(memory.clone()), &greeted(&frames), Access::ReadOnly);
        ended.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    };
    for requests in [
        vec![Request::Create { key: key("b"), bytes: b"x" }],
        vec![Request::Remove(key("a"))],
        vec![
            Request::Draft(1),
            Request::Write { draft: 1, bytes: b"x" },
            Request::Publish { draft: 1, key: key("b") },
        ],
        vec![Request::Draft(1), Request::Publish { draft: 1, key: key("b") }],
    ] {
        let said = asked(&requests);
        assert!(said.contains("failed") && said.contains("read-only"), "{requests:?}: {said}");
        assert!(!said.contains("created"), "{requests:?}: {said}");
    }
    assert_eq!(memory.list("").unwrap().len(), 1);
    assert_eq!(memory.read(&key("a"), 9).unwrap().unwrap(), b"kept");
}

#[test]
fn what_is_outside_of_the_root_is_not_served() {
    let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(outside.path().join("refs")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
    for wanted in ["../../etc/passwd", "link", "link/refs", "..", "none/deep"] {
        let ((client_in, server_out), (mut server_in, client_out)) =
            (io::pipe().unwrap(), io::pipe().unwrap());
        let root = Root::new(dir.path(), Arc::new(mdl::disk::OsDisk));
        std::thread::spawn(move || {
            serve(&|path| root.open(path), &mut server_in, Box::new(server_out), Access::ReadWrite).unwrap();
        });
        let error = Stream::over(client_in, client_out, wanted).err().expect(wanted);
        assert!(
            matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound),
            "{wanted}: {error:?}"
        );
    }
    let failure = Failure::of(&StorageError {
        action: "x",
        place: String::new(),
        source: io::Error::other("a\x1b[2Jb"),
    });
    assert_eq!(failure.into_error().to_string(), "a [2Jb");
}
