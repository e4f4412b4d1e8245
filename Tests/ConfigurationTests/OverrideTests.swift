import Configuration
import Testing

@Suite struct OverrideTests {
    @Test func takesAnyValueAtAnyPath() throws {
        #expect(try read("", "optimizer.peak_learning_rate=3e-3").optimizer.peakLearningRate == 3e-3)
        #expect(try read("", "corpus.cache=a=b").corpus.cache == "a=b")
        let sources = try read("", "corpus.sources=[{path: a.txt, weight: 2}, {path: b.txt}]").corpus.sources
        #expect(sources.map(\.path) == ["a.txt", "b.txt"] && sources.map(\.weight) == [2, 1])
        let extensions = try read("", "corpus.extensions=[zst]", "corpus.extensions.0=lz4").corpus.extensions
        #expect(extensions == ["lz4"])
        #expect(try read("", "corpus.sources=[]").corpus.sources.isEmpty)
    }

    @Test func changesAGroupAndKeepsItsOtherKeys() throws {
        let normalization = try read(
            "model: {normalization: {placement: mix, alpha: 0.5}}", "model.normalization={alpha: 0.25}"
        ).model.normalization
        #expect(normalization.placement == .mix && normalization.alpha == 0.25)
    }

    @Test func theLaterWins() throws {
        let root = try read("model: {heads: 8}", "model.heads=2", "model={heads: 16}", "model.heads=1")
        #expect(root.model.heads == 1)
    }

    @Test func reachesElementsOfLists() throws {
        let yaml = "corpus: {sources: [{path: a.txt}, {path: b.txt}]}"
        let sources = try read(yaml, "corpus.sources.1.weight=3", "corpus.sources.0={path: c.txt}").corpus.sources
        #expect(sources.map(\.path) == ["c.txt", "b.txt"] && sources.map(\.weight) == [1, 3])
        // The default list has one element.
        #expect(try read("", "corpus.sources.0.weight=3").corpus.sources.map(\.weight) == [3])
        let problems = complaints(yaml, "corpus.sources.2.weight=3")
        #expect(
            problems.map(\.description) == [
                "--set: corpus.sources: has 2 elements, none at this index; "
                    + "write an index from 0 to 1, or set the whole list"
            ])
        #expect(complaints("", "corpus.sources.99999999999999999999.weight=3").map(\.kind) == [.outOfRange])
    }

    @Test(arguments: [
        ("model.widht=3", "--set: unknown key model.widht; did you mean width? "),
        (
            "model.width=many",
            "--set: model.width: expected an integer, found the text \"many\"; write an integer from 1"
        ),
        ("model.width=0", "--set: model.width: 0 is out of range; write an integer from 1 to 65536"),
        ("model.width", "--set: \"model.width\" has no equals sign; write key.path=value"),
        ("=3", "--set: \"\" is not a key path; write keys with one dot between them"),
        ("model..width=3", "--set: \"model..width\" is not a key path; write keys with one dot between them"),
        ("model=3", "--set: model: expected a group of keys, found 3; Keys here: preset, width, heads, "),
        ("model.width.x=3", "--set: model.width: expected an integer, found a group of keys; write an integer from 1"),
        ("model.0=3", "--set: model: expected a group of keys, found an element of a list; Keys here: preset, "),
        ("corpus.sources.path=x", "--set: corpus.sources: expected a list, found a group of keys; write a list, or "),
        ("corpus.cache=*.txt", "--set: corpus.cache: not valid YAML: "),
        ("corpus.cache=[", "--set: corpus.cache: not valid YAML: "),
        ("model={width: 2, width: 3}", "--set: duplicate key model.width; "),
        ("model.normalization.alpha=0.5", "--set: model.normalization.alpha: has no meaning without placement: mix"),
    ])
    func namesWhatIsWrong(override: String, start: String) {
        let problems = complaints("model: {heads: 8}", override)
        #expect(problems.count == 1)
        #expect(problems.first?.description.hasPrefix(start) == true, "\(problems)")
    }

    @Test func peeksBeforeReading() throws {
        func peek(_ yaml: String, _ overrides: String...) throws -> String? {
            try ConfigurationReader.peek("model.preset", yaml: yaml, overrides: overrides)
        }
        #expect(try peek("") == nil)
        #expect(try peek("model: {width: 3, unknown: 4}") == nil)
        #expect(try peek("model: {preset: demo}") == "demo")
        #expect(try peek("model: {preset: 12}") == "12")
        #expect(try peek("model: {preset: null}") == nil)
        #expect(try peek("model: {preset: demo}", "model.preset=base", "model.width=3") == "base")
        #expect(try peek("model: {preset: demo}", "model.preset=base", "model={preset: large}") == "large")
        #expect(throws: ConfigurationError.self) { try peek("model: {preset: [a]}") }
        #expect(throws: ConfigurationError.self) { try peek("model: {preset: [a}") }
    }
}
