/// A compiled regular expression: immutable, shared between threads; a `PatternMatcher` runs it.
struct Pattern: Sendable {
    enum Instruction: Sendable {
        case set(Int)
        /// Repeats a set; `loop` numbers the instruction for the matcher's notes.
        case run(set: Int, minimum: Int, maximum: Int, mode: RunMode, loop: Int)
        /// Tries `first`, then `second`. Inside a loop `memo` numbers it (-1 elsewhere).
        case split(first: Int, second: Int, memo: Int)
        case jump(Int)
        /// Runs the instructions after this one up to their `match`, then goes on at `next`.
        case lookahead(next: Int, isNegative: Bool)
        case atomic(next: Int)
        case lineStart, lineEnd, textStart, textEnd, textEndOrLastLineEnd
        case wordBoundary(isNegative: Bool)
        case match
    }

    enum RunMode: Sendable { case greedy, lazy, possessive }

    /// As tokenizer.json has it.
    let source: String
    /// Of a pattern that matches nothing but one text.
    let literal: [UInt32]?
    /// Patterns of released tokenizers that match nothing but white space, to make one space of several.
    static let spaces: Set = [" {2,}", #"\s{2,}|[\n\r\t]"#, #"\s+"#, #"\s{2,}"#]
    /// Whether it matches nothing but white space.
    let needsSpace: Bool
    private(set) var instructions: [Instruction] = []
    private(set) var sets: [ScalarSet] = []
    private(set) var loopCount = 0
    private(set) var memoCount = 0
    private var loopDepth = 0
    private static let maximumSize = 20_000

    /// - Throws: `TokenizerError.unsupported`, naming the pattern.
    init(_ source: String) throws(TokenizerError) {
        self.source = source
        needsSpace = Self.spaces.contains(source)
        literal = nil
        let node = try PatternParser.parse(source)
        if node.canBeEmpty {
            throw .unsupported(component: "pattern \(source)", problem: "it can match nothing at all")
        }
        guard compile(node) else {
            throw .unsupported(component: "pattern \(source)", problem: "it is too large")
        }
        instructions.append(.match)
    }

    /// A pattern that matches a text literally.
    init(literal text: String) {
        source = text
        needsSpace = false
        literal = text.unicodeScalars.map(\.value)
        for scalar in text.unicodeScalars {
            var set = ScalarSet([scalar.value])
            set.finish()
            sets.append(set)
            instructions.append(.set(sets.count - 1))
        }
        instructions.append(.match)
    }

    /// Appends a node's instructions; false when the program gets too large.
    private mutating func compile(_ node: PatternNode) -> Bool {
        guard instructions.count < Self.maximumSize else { return false }
        switch node {
        case .set(let set):
            sets.append(set)
            instructions.append(.set(sets.count - 1))
        case .sequence(let parts):
            for part in parts where !compile(part) { return false }
        case .alternatives(let parts): return compile(alternatives: parts)
        case .repetition(let body, let minimum, let maximum, let mode):
            return compile(body, minimum, maximum, mode)
        case .lookahead(let body, let isNegative):
            let start = instructions.count
            instructions.append(.match)
            guard compile(body) else { return false }
            instructions.append(.match)
            instructions[start] = .lookahead(next: instructions.count, isNegative: isNegative)
        case .atomic(let body):
            let start = instructions.count
            instructions.append(.match)
            guard compile(body) else { return false }
            instructions.append(.match)
            instructions[start] = .atomic(next: instructions.count)
        case .lineStart: instructions.append(.lineStart)
        case .lineEnd: instructions.append(.lineEnd)
        case .textStart: instructions.append(.textStart)
        case .textEnd: instructions.append(.textEnd)
        case .textEndOrLastLineEnd: instructions.append(.textEndOrLastLineEnd)
        case .wordBoundary(let isNegative): instructions.append(.wordBoundary(isNegative: isNegative))
        }
        return true
    }

    private mutating func compile(alternatives parts: [PatternNode]) -> Bool {
        var exits: [Int] = []
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let split = instructions.count
            if !isLast { instructions.append(.match) }
            guard compile(part) else { return false }
            if !isLast {
                exits.append(instructions.count)
                instructions.append(.match)
                instructions[split] = .split(first: split + 1, second: instructions.count, memo: newMemo())
            }
        }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
        return true
    }

    private mutating func newMemo() -> Int {
        guard loopDepth > 0 else { return -1 }
        memoCount += 1
        return memoCount - 1
    }

    private mutating func compile(
        _ body: PatternNode, _ minimum: Int, _ maximum: Int?, _ mode: PatternNode.Mode
    ) -> Bool {
        if case .set(let set) = body {
            sets.append(set)
            let runMode: RunMode =
                switch mode {
                case .greedy: .greedy
                case .lazy: .lazy
                case .possessive: .possessive
                }
            instructions.append(
                .run(set: sets.count - 1, minimum: minimum, maximum: maximum ?? Int.max, mode: runMode, loop: loopCount)
            )
            loopCount += 1
            return true
        }
        if mode == .possessive {
            return compile(.atomic(.repetition(body, minimum: minimum, maximum: maximum, .greedy)))
        }
        loopDepth += 1
        defer { loopDepth -= 1 }
        for _ in 0..<minimum where !compile(body) { return false }
        guard let maximum else {
            let split = instructions.count
            instructions.append(.match)
            guard compile(body) else { return false }
            instructions.append(.jump(split))
            instructions[split] = branch(split + 1, instructions.count, mode)
            return true
        }
        var splits: [Int] = []
        for _ in minimum..<max(minimum, maximum) {
            splits.append(instructions.count)
            instructions.append(.match)
            guard compile(body) else { return false }
        }
        for split in splits { instructions[split] = branch(split + 1, instructions.count, mode) }
        return true
    }

    private mutating func branch(_ inside: Int, _ outside: Int, _ mode: PatternNode.Mode) -> Instruction {
        mode == .lazy
            ? .split(first: outside, second: inside, memo: newMemo())
            : .split(first: inside, second: outside, memo: newMemo())
    }
}
