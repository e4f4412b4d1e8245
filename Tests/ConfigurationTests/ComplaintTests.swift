import Configuration
import Testing

@Suite struct ComplaintTests {
    @Test func namesTheNearestKeyAndTheLine() {
        let yaml = """
            # A run.
            model:
              width: 512

            optimizer:
              warmup_steps: 100
              peak_lr: 3e-4
            """
        #expect(
            complaints(yaml).map(\.description) == [
                "run.yaml:7: unknown key optimizer.peak_lr; did you mean peak_learning_rate? Keys here: "
                    + "peak_learning_rate, warmup_steps, weight_decay, epsilon, seed, shift"
            ])
    }

    @Test(arguments: [
        ("optimizer: {warmup: 3}", "warmup_steps"), ("optimizer: {wieght_decay: 3}", "weight_decay"),
        ("optimizer: {weight-decay: 3}", "weight_decay"), ("optimizer: {lr: 3}", "peak_learning_rate"),
        ("optimizer: {learning_rate: 3}", "peak_learning_rate"), ("optimizer: {eps: 3}", "epsilon"),
        ("optimiser: {eps: 3}", "optimizer"), ("model: {width_head: 3}", "head_width"),
        ("corpus: {sources: [{pth: 1}]}", "path"), ("warmup_steps: 3", "optimizer.warmup_steps"),
        ("model: {weight: 3}", "corpus.sources.N.weight"),
    ])
    func suggests(yaml: String, key: String) {
        let problems = complaints(yaml)
        #expect(problems.count == 1)
        let remedy = problems.first?.remedy ?? ""
        #expect(
            remedy.hasPrefix("did you mean \(key)?"), "\(remedy)")
    }

    @Test func namesTheNearestEvenWhereNothingIsNear() {
        #expect(complaints("corpus: {sources: [{qqq: 1}]}").first?.remedy.contains("the nearest is") == true)
        #expect(
            complaints("empty: {qqq: 1}").map(\.description) == ["run.yaml:1: unknown key empty.qqq; Keys here: none"])
    }

    @Test func reportsAllInOneGo() {
        let yaml = """
            model:
              width: wide
              heads: 5000
              hedas: 3
              normalization: {placement: mixed}
            corpus:
              sources:
                - path: [a]
                - weight: -1
                  weigth: 2
              strict: yes
            optimizer: 3
            training: {}
            """
        let problems = complaints(yaml, "optimizer.epsilon=2")
        #expect(problems.map(\.line) == [2, 3, 5, 4, 8, 9, 10, 11, 12, 13, nil])
        #expect(
            problems.map(\.keyPath) == [
                "model.width", "model.heads", "model.normalization.placement", "model.hedas", "corpus.sources.0.path",
                "corpus.sources.1.weight", "corpus.sources.1.weigth", "corpus.strict", "optimizer", "training",
                "optimizer.epsilon",
            ])
        #expect(
            problems.map(\.kind) == [
                .wrongType, .outOfRange, .unknownChoice, .unknownKey, .wrongType, .outOfRange, .unknownKey, .wrongType,
                .wrongType, .unknownKey, .outOfRange,
            ])
    }

    @Test(arguments: [
        ("width: wide", "expected an integer, found the text \"wide\"; write an integer from 1 to 65536"),
        ("width: 1.5", "expected an integer, found 1.5; write an integer from 1 to 65536"),
        ("width: \"5\"", "expected an integer, found the text \"5\"; write an integer from 1 to 65536"),
        ("width: [1]", "expected an integer, found a list; write an integer from 1 to 65536"),
        ("width: true", "expected an integer, found true; write an integer from 1 to 65536"),
        ("width: 1e30", "1e30 is out of range; write an integer from 1 to 65536"),
        ("width: 99999999999999999999", "99999999999999999999 is out of range; write an integer from 1 to 65536"),
        ("width: 1__0", "expected an integer, found the text \"1__0\"; write an integer from 1 to 65536"),
        ("head_width: x", "expected an integer, found the text \"x\"; write an integer from 1 to 1024 or null"),
    ])
    func ofIntegers(line: String, expected: String) {
        let problems = complaints("model:\n  \(line)")
        let key = line.prefix { $0 != ":" }
        #expect(problems.map(\.description) == ["run.yaml:2: model.\(key): \(expected)"])
    }

    @Test(arguments: [
        ("epsilon: 1.5", "1.5 is out of range; write a number from 0 to 1"),
        ("epsilon: .nan", ".nan is not a finite number; write a number from 0 to 1"),
        ("weight_decay: .inf", ".inf is not a finite number; write a number of at least 0"),
        ("weight_decay: -1e-9", "-1e-9 is out of range; write a number of at least 0"),
        ("weight_decay: 1e999", "1e999 is out of range; write a number of at least 0"),
        ("shift: nan", "nan is not a finite number; write a number of any size"),
        ("shift: 0x1p3", "expected a number, found the text \"0x1p3\"; write a number of any size"),
        ("shift: 1e", "expected a number, found the text \"1e\"; write a number of any size"),
        ("shift: {a: 1}", "expected a number, found a group of keys; write a number of any size"),
    ])
    func ofNumbers(line: String, expected: String) {
        let problems = complaints("optimizer:\n  \(line)")
        let key = line.prefix { $0 != ":" }
        #expect(problems.map(\.description) == ["run.yaml:2: optimizer.\(key): \(expected)"])
    }

    @Test func ofChoicesFlagsAndTexts() {
        #expect(
            complaints("model: {normalization: {placement: mixed}}").map(\.description) == [
                "run.yaml:1: model.normalization.placement: unknown choice mixed; "
                    + "did you mean mix? Choices: post, pre, mix, none"
            ])
        #expect(
            complaints("corpus: {strict: on}").map(\.description) == [
                "run.yaml:1: corpus.strict: expected true or false, found the text \"on\"; write true or false"
            ])
        #expect(
            complaints("corpus: {extensions: txt}").map(\.description) == [
                "run.yaml:1: corpus.extensions: expected a list of texts, found the text \"txt\"; "
                    + "write [first, second]"
            ])
        #expect(complaints("corpus: {extensions: [a, [b], null]}").map(\.keyPath).last == "corpus.extensions.2")
        #expect(
            complaints("model: {preset: }").map(\.description) == [
                "run.yaml:1: model.preset: expected a text, found nothing (null); write \"\" for an empty text"
            ])
        #expect(
            complaints("- a\n- b").map(\.description) == [
                "run.yaml:1: expected keys with values, found a list; write key: value"
            ])
    }

    @Test func ofValidationPointToTheirLine() {
        let yaml = """
            model:
              width: 100
              heads: 3
              normalization:
                alpha: 0.5
            corpus:
              sources:
                - {path: a}
                - path: b
                  weight: 0
            """
        #expect(
            complaints(yaml).map(\.description) == [
                "run.yaml:3: model.heads: 3 heads do not divide 100",
                "run.yaml:5: model.normalization.alpha: has no meaning without placement: mix",
                "run.yaml:10: corpus.sources.1.weight: a source without weight is never read",
            ])
        // Where the key at fault keeps its default, the group around it is what the file names.
        #expect(complaints("\nmodel: {width: 3}").map(\.line) == [2])
    }
}
