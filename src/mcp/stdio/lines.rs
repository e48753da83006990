//! Messages as lines. rmcp's own reader leaves lines that it cannot read without an answer, and a client waits for one.

use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ErrorCode, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::sync::{Mutex, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::lenient_json;
use crate::mcp::body::DEPTH;
use crate::mcp::outline::{Envelope, Outline};

/// The most bytes a line may have: what rmcp's own reader allows.
pub(super) const LIMIT: usize = 16 << 20;
/// How much of a line that is too long is held at a time.
const PIECE: u64 = 64 << 10;

/// The messages of an input, read by a task of their own, and an output.
pub(super) struct Lines<W> {
    messages: mpsc::Receiver<ClientJsonRpcMessage>,
    output: Arc<Mutex<W>>,
    _reading: AbortOnDropHandle<()>,
}

/// What the input holds next.
enum Line {
    /// One with its end.
    Whole(Vec<u8>),
    /// The last one, which broke off or lacks no more than its end.
    Last(Vec<u8>),
    /// One that is too long to be held, in outline.
    TooLong(Outline),
}

/// Why a line is not served. The texts are for the client.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("A message may have at most {LIMIT} bytes.")]
    TooLong,
    #[error("A message may nest at most {DEPTH} levels.")]
    TooDeep,
    #[error("This line is not JSON: {0}.")]
    NotJson(serde_json::Error),
    #[error("This is not a JSON-RPC message: {0}.")]
    NotMessage(serde_json::Error),
}

impl<W: AsyncWrite + Send + Unpin + 'static> Lines<W> {
    pub(super) fn new(input: impl AsyncRead + Send + Unpin + 'static, output: W) -> Self {
        let output = Arc::new(Mutex::new(output));
        // Few, so that a client that sends faster than it is served has to wait.
        let (send, messages) = mpsc::channel(8);
        let reading = tokio::spawn(read_all(BufReader::new(input), Arc::clone(&output), send));
        Self { messages, output, _reading: AbortOnDropHandle::new(reading) }
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Transport<RoleServer> for Lines<W> {
    type Error = io::Error;

    fn send(&mut self, item: ServerJsonRpcMessage) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = Arc::clone(&self.output);
        async move { write(&output, &item).await }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.messages.recv().await
    }

    async fn close(&mut self) -> io::Result<()> {
        self.output.lock().await.shutdown().await
    }
}

/// Reads the input to its end. What can be read is handed over, what cannot is answered here.
async fn read_all<W: AsyncWrite + Unpin>(
    mut input: impl AsyncBufRead + Unpin,
    output: Arc<Mutex<W>>,
    messages: mpsc::Sender<ClientJsonRpcMessage>,
) {
    loop {
        let refused = match next_line(&mut input).await {
            Ok(Some(Line::Whole(line))) if line.trim_ascii().is_empty() => continue,
            Ok(Some(Line::Last(line))) => {
                // What broke off is no JSON, and whoever sent it waits for no answer.
                if let Ok(message) = message(&line) {
                    let _ = messages.send(message).await;
                }
                return;
            }
            Ok(Some(Line::Whole(line))) => match message(&line) {
                Ok(message) => match messages.send(message).await {
                    Ok(()) => continue,
                    // Nobody serves any more.
                    Err(_) => return,
                },
                Err(refused) => refused,
            },
            Ok(Some(Line::TooLong(outline))) => (Unreadable::TooLong, outline.envelope()),
            Ok(None) => return,
            Err(error) => return tracing::error!(%error, "the input cannot be read"),
        };
        if let Err(error) = refuse(&output, refused).await {
            return tracing::error!(%error, "the output cannot be written");
        }
    }
}

/// The next line; nothing at the end, nor for one that is too long and breaks off there.
async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    input.take(LIMIT as u64 + 1).read_until(b'\n', &mut line).await?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Some(Line::Whole(line)));
    }
    if line.len() <= LIMIT {
        return Ok((!line.is_empty()).then_some(Line::Last(line)));
    }
    let mut outline = Outline::of(&line);
    loop {
        let mut piece = Vec::new();
        let read = input.take(PIECE).read_until(b'\n', &mut piece).await?;
        outline.add(&piece);
        if piece.ends_with(b"\n") {
            return Ok(Some(Line::TooLong(outline)));
        }
        if read == 0 {
            return Ok(None);
        }
    }
}

fn message(line: &[u8]) -> Result<ClientJsonRpcMessage, (Unreadable, Envelope)> {
    let json = lenient_json::mended(line);
    let outline = Outline::of(json.as_bytes());
    let unreadable = match serde_json::from_str::<IgnoredAny>(&json) {
        Ok(_) if outline.deepest() > DEPTH => Unreadable::TooDeep,
        Ok(_) => match serde_json::from_str(&json) {
            Ok(message) => return Ok(message),
            Err(error) => Unreadable::NotMessage(error),
        },
        Err(error) => Unreadable::NotJson(error),
    };
    Err((unreadable, outline.envelope()))
}

/// Answers a line that is not served, if an answer to it can be expected.
async fn refuse<W: AsyncWrite + Unpin>(
    output: &Mutex<W>,
    (unreadable, envelope): (Unreadable, Envelope),
) -> io::Result<()> {
    tracing::warn!(%unreadable, "a line is not served");
    if !envelope.is_answered() {
        return Ok(());
    }
    let code = match unreadable {
        Unreadable::NotJson(_) => ErrorCode::PARSE_ERROR,
        _ => ErrorCode::INVALID_REQUEST,
    };
    let error = json!({ "code": code, "message": unreadable.to_string() });
    // rmcp's own type would leave out an id that is null.
    write(output, &json!({ "jsonrpc": "2.0", "id": envelope.into_id(), "error": error })).await
}

async fn write<W: AsyncWrite + Unpin>(output: &Mutex<W>, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut output = output.lock().await;
    output.write_all(&line).await?;
    output.flush().await
}
