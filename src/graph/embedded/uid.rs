//! New uids, as Roam makes them.

/// Sixty-four characters, so six bits of a random byte choose one evenly.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Nine random characters: 54 bits. Among a million of them two are equal once in some 36,000 graphs, and the database
/// refuses the second.
pub(super) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 9];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect())
}
