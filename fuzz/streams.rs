//! What is done with the bytes that one side of a stream says to the other.

use std::io::{self, Write};
use std::sync::Arc;

use mdl::storage::stream::message::{self, Failure, Reply, Request};
use mdl::storage::stream::{Access, Stream, frame, serve};
use mdl::storage::{Key, Memory, Storage};

/// A request, a reply, a hello, a welcome, a stream of frames, or all that a client or a server says: the first byte
/// says which.
pub fn streams(data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    match first % 6 {
        0 => {
            if let Ok((id, request)) = Request::from_frame(bytes) {
                assert_eq!(request.to_frame(id), bytes);
            }
        }
        1 => match Reply::from_frame(bytes) {
            // The reason is made harmless, and may be another text then.
            Ok((_, Reply::Failed(failure))) => harmless(failure),
            Ok((id, reply)) => assert_eq!(reply.to_frame(id), bytes),
            Err(_) => {}
        },
        2 => {
            if let Ok(path) = message::from_hello(bytes) {
                assert_eq!(message::hello(path), bytes);
            }
            if let Ok(Err(failure)) = message::from_welcome(bytes) {
                harmless(failure);
            }
        }
        3 => {
            let mut input = bytes;
            while let Ok(Some(read)) = frame::read(&mut input) {
                assert!(read.len() <= frame::MAX);
            }
        }
        4 => server(bytes),
        _ => client(bytes),
    }
}

fn harmless(failure: Failure) {
    assert!(!failure.into_error().to_string().chars().any(char::is_control));
}

fn server(heard: &[u8]) {
    let memory = Memory::new();
    memory.create(&Key::new("a/0").expect("a key"), b"body").expect("memory");
    let hello = message::hello("");
    let length = (hello.len() as u32).to_be_bytes();
    let mut heard = [b"mdl 1\n", &length[..], &hello, heard].concat();
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    let _ = serve(&|_| Ok(storage.clone()), &mut &heard[..], Box::new(io::sink()), Access::AppendOnly);
    heard.clear();
    assert!(memory.open(&Key::new("a/0").expect("a key")).expect("memory").is_some(), "it was removed");
}

fn client(said: &[u8]) {
    let (input, mut output) = io::pipe().expect("a pipe");
    let mut welcome = b"mdl 1\n".to_vec();
    frame::write(&mut welcome, &message::welcome(&Ok(Access::ReadWrite))).expect("memory");
    // A pipe takes so much without a reader.
    let said = &said[..said.len().min(32 << 10)];
    output.write_all(&welcome).and_then(|()| output.write_all(said)).expect("a pipe");
    drop(output);
    let Ok(stream) = Stream::over(input, io::sink(), "") else { return };
    let _ = stream.list("packs");
    let _ = stream.read(&Key::new("a").expect("a key"), 100);
}
