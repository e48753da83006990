//! An error with what led to it, in one line.

use std::error::Error;

/// Tells an error and its causes. Some errors name their cause in their own text already: that is not told again.
pub fn tell(error: &(dyn Error + 'static)) -> String {
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !story.contains(&text) {
            story.push_str(": ");
            story.push_str(&text);
        }
        cause = error.source();
    }
    story
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the export: {source}")]
    struct Named {
        source: io::Error,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("no graph is served")]
    struct Unnamed(#[source] Named);

    #[test]
    fn every_cause_is_told_once() {
        let named = || Named { source: io::Error::from(io::ErrorKind::NotFound) };
        assert_eq!(tell(&named()), "cannot read the export: entity not found");
        assert_eq!(tell(&Unnamed(named())), "no graph is served: cannot read the export: entity not found");
        let more = anyhow::Error::from(named()).context("the start failed");
        assert_eq!(tell(more.as_ref()), "the start failed: cannot read the export: entity not found");
    }
}
