import Testing

/// What `evaluate` and `analyze` may be asked of a run's own text.
@Suite struct EvaluatedTextTests {
    @Test func whatARunHasLearnedIsNoHeldOutText() throws {
        let workspace = try Workspace()
        try workspace.run("run", ["training.steps=2"])
        for (arguments, problem) in [
            (["--set", "corpus.held_out=0.4"], "corpus.held_out: the run divided its text otherwise"),
            (["--document-separator", "line"], "corpus.sources: the run divided its text otherwise"),
            (["--set", "corpus.maximum_document_bytes=2048"], "corpus.maximum_document_bytes"),
            (["--corpus", "corpus", "--set", "corpus.sequence_length=4096"], "tokens at most"),
        ] {
            for command in ["evaluate", "analyze"] {
                let outcome = try Program.run([command, "run"] + arguments, in: workspace.path)
                #expect(outcome.status == 1 && outcome.errors.contains(problem), "\(command): \(outcome.errors)")
            }
        }
        let test = try workspace.pretrain("evaluate", "run", "--split", "test")
        #expect(test.status == 1 && test.errors.contains("corpus.test is 0"), "\(test.errors)")
        // What does not touch the division may be otherwise, and other text may be divided in any way.
        for arguments in [
            ["--set", "corpus.sequence_length=16"], ["--corpus", "corpus", "--document-separator", "line"],
        ] {
            let outcome = try Program.run(["evaluate", "run"] + arguments, in: workspace.path)
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
    }
}
