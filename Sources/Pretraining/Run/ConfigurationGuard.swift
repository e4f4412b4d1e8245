import Configuration
import Corpus

/// Keeps a resumed run the run that it was.
enum ConfigurationGuard {
    /// Settings that may change between two parts of a run: they do not touch weights, or openly ask for more steps.
    private static let free: Set<String> = [
        "model.preset", "training.steps", "training.evaluate_every", "training.checkpoint_every", "training.keep_last",
        "training.hours", "training.checkpoint_minutes",
        "training.keep_every", "training.log_every", "training.maximum_skipped_steps", "evaluation.tokens",
        "evaluation.samples", "tokenizer.path", "corpus.sources", "corpus.damaged_files",
        "corpus.maximum_skipped_fraction",
        "objective.frozen_generator.checkpoint", "objective.frozen_generator.cache",
    ]

    /// The settings in which `new` differs from `old`, as `key: old value, now new value`.
    static func differences(from old: RunConfiguration, to new: RunConfiguration) throws -> [String] {
        var free = free
        // There the run goes back to.
        if old.training.spikeAction == .rollBack { free.remove("training.checkpoint_every") }
        // What nothing reads may go, as a file that asks for it is refused; earlier versions took it.
        let unread = Set(try ConfigurationReader.unread(old).keys).intersection(
            try ConfigurationReader.unread(new).keys)
        let before = try values(of: old)
        let after = try values(of: new)
        var result = before.keys.sorted().compactMap { key -> String? in
            guard !free.contains(key), !unread.contains(key), let now = after[key], let then = before[key], then != now
            else { return nil }
            return "\(key): \(then) in the checkpoint, \(now) now"
        }
        if old.training.stages != new.training.stages { result.append("training.stages: not the same list") }
        // The corpus may have moved: its fingerprint tells whether the files below the paths are the same.
        if withoutPaths(old.corpus.sources) != withoutPaths(new.corpus.sources) {
            result.append("corpus.sources: not the same list")
        }
        return result
    }

    private static func withoutPaths(_ sources: [CorpusSource]) -> [CorpusSource] {
        sources.map { source in
            var source = source
            source.path = ""
            return source
        }
    }

    private static func values(of configuration: RunConfiguration) throws -> [String: String] {
        let keys = try ConfigurationDocumentation(of: configuration).keys
        return Dictionary(keys.map { ($0.path, $0.defaultValue) }, uniquingKeysWith: { first, _ in first })
    }
}
