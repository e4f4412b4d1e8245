/// Finds the matches of a pattern in a text of scalars: leftmost, the first alternative first, as Oniguruma does.
///
/// Backtracking, but what failed once is not tried again: whether the rest of the pattern matches from a position does
/// not depend on how it was reached. So a run of one set notes from where on its ends all failed, and a choice inside
/// a loop notes its position; hostile texts stay linear.
struct PatternMatcher {
    private let pattern: Pattern
    private let text: UnsafeBufferPointer<UInt32>
    private let table = CharacterTable.shared
    private var stack: [Frame] = []
    private var runs: [RunNote]
    private var failed: [UInt64] = []
    /// Instructions and retries so far; tests bound it instead of a time.
    private(set) var work = 0

    private struct Frame {
        enum Kind { case resume, shrink, grow, note }
        var kind: Kind
        var instruction: Int
        var position: Int
        /// For `shrink` the shortest end, for `grow` the longest.
        var limit: Int
        /// For `shrink` the end of the whole run, for `grow` its shortest end, -1 for runs with a limit of their own;
        /// for `note` the number of the choice.
        var detail: Int
    }

    /// The last maximal run seen by an instruction, and from which end on all continuations failed.
    private struct RunNote {
        var start = 0
        var end = -1
        var failedFrom = Int.max
    }

    init(_ pattern: Pattern, _ text: UnsafeBufferPointer<UInt32>) {
        self.pattern = pattern
        self.text = text
        runs = [RunNote](repeating: RunNote(), count: pattern.loopCount)
    }

    /// The leftmost match at or after a position.
    mutating func find(from start: Int) -> Range<Int>? {
        var position = start
        while position < text.count {
            stack.removeAll(keepingCapacity: true)
            if let end = match(0, position) { return position..<end }
            position += 1
        }
        return nil
    }

    /// The end of a match of the instructions from `first` on, or nil.
    private mutating func match(_ first: Int, _ start: Int) -> Int? {
        let base = stack.count
        var instruction = first
        var position = start
        while true {
            work &+= 1
            let goesOn: Bool
            switch pattern.instructions[instruction] {
            case .match:
                stack.removeSubrange(base...)
                return position
            case .set(let set):
                goesOn = position < text.count && pattern.sets[set].contains(text[position], table)
                position &+= 1
            case .run(let set, let minimum, let maximum, let mode, let loop):
                if let end = run(set, minimum, maximum, mode, loop, instruction, position) {
                    position = end
                    goesOn = true
                } else {
                    goesOn = false
                }
            case .jump(let target):
                instruction = target
                continue
            case .split(let preferred, let other, let memo):
                if memo >= 0 {
                    if hasFailed(memo, position) {
                        goesOn = false
                        break
                    }
                    stack.append(Frame(kind: .note, instruction: 0, position: position, limit: 0, detail: memo))
                }
                stack.append(Frame(kind: .resume, instruction: other, position: position, limit: 0, detail: 0))
                instruction = preferred
                continue
            case .lookahead(let next, let isNegative):
                if (match(instruction + 1, position) != nil) != isNegative {
                    instruction = next
                    continue
                }
                goesOn = false
            case .atomic(let next):
                if let end = match(instruction + 1, position) {
                    position = end
                    instruction = next
                    continue
                }
                goesOn = false
            case .lineStart: goesOn = position == 0 || text[position - 1] == 0x0A
            case .lineEnd: goesOn = position == text.count || text[position] == 0x0A
            case .textStart: goesOn = position == 0
            case .textEnd: goesOn = position == text.count
            case .textEndOrLastLineEnd:
                goesOn = position == text.count || (position == text.count - 1 && text[position] == 0x0A)
            case .wordBoundary(let isNegative): goesOn = (isWord(position - 1) != isWord(position)) != isNegative
            }
            if goesOn {
                instruction &+= 1
            } else {
                guard let next = backtrack(base) else { return nil }
                (instruction, position) = next
            }
        }
    }

    private func isWord(_ position: Int) -> Bool {
        position >= 0 && position < text.count && table[text[position]].contains(.regexWord)
    }

    /// Takes up the last choice that is left above `base`.
    private mutating func backtrack(_ base: Int) -> (instruction: Int, position: Int)? {
        while stack.count > base, let frame = stack.popLast() {
            work &+= 1
            switch frame.kind {
            case .resume: return (frame.instruction, frame.position)
            case .note: note(frame.detail, frame.position)
            case .shrink:
                guard case .run(_, _, _, _, let loop) = pattern.instructions[frame.instruction] else { continue }
                // The end at `position` has failed; so have all longer ones.
                if frame.detail >= 0, runs[loop].end == frame.detail {
                    runs[loop].failedFrom = min(runs[loop].failedFrom, frame.position)
                }
                if frame.position > frame.limit {
                    var shorter = frame
                    shorter.position -= 1
                    stack.append(shorter)
                    return (frame.instruction + 1, shorter.position)
                }
            case .grow:
                guard case .run(let set, _, _, _, let loop) = pattern.instructions[frame.instruction] else { continue }
                guard frame.position < frame.limit, pattern.sets[set].contains(text[frame.position], table) else {
                    // All ends from the shortest on have failed, if the note still speaks of this run.
                    if frame.detail >= 0, runs[loop].start <= frame.detail, frame.detail <= runs[loop].end {
                        runs[loop].failedFrom = min(runs[loop].failedFrom, frame.detail)
                    }
                    continue
                }
                var longer = frame
                longer.position += 1
                stack.append(longer)
                return (frame.instruction + 1, longer.position)
            }
        }
        return nil
    }

    /// Runs a repeated set: the end to go on from, or nil.
    private mutating func run(
        _ setIndex: Int, _ minimum: Int, _ maximum: Int, _ mode: Pattern.RunMode, _ loop: Int, _ instruction: Int,
        _ start: Int
    ) -> Int? {
        // Only a run without a limit of its own ends where others of the same set end, so only its ends are noted.
        let isWhole = maximum == Int.max
        let end: Int
        if isWhole {
            end = wholeRun(setIndex, loop, start)
        } else {
            let fewest = mode == .lazy ? minimum : maximum
            end = extent(setIndex, from: start, to: fewest < text.count - start ? start + fewest : text.count)
        }
        guard end - start >= minimum else { return nil }
        if mode == .possessive { return end }
        let shortest = start + minimum
        if mode == .lazy {
            var longest = maximum < text.count - start ? start + maximum : text.count
            if isWhole { longest = min(end, runs[loop].failedFrom - 1) }
            guard longest >= shortest else { return nil }
            stack.append(
                Frame(
                    kind: .grow, instruction: instruction, position: shortest, limit: longest,
                    detail: isWhole ? shortest : -1))
            return shortest
        }
        let first = isWhole ? min(end, runs[loop].failedFrom - 1) : end
        guard first >= shortest else { return nil }
        let detail = isWhole ? end : -1
        stack.append(Frame(kind: .shrink, instruction: instruction, position: first, limit: shortest, detail: detail))
        return first
    }

    /// The end of the maximal run from a position on, from the note where it is known.
    private mutating func wholeRun(_ setIndex: Int, _ loop: Int, _ start: Int) -> Int {
        if runs[loop].start <= start, start <= runs[loop].end { return runs[loop].end }
        if start < runs[loop].start, extent(setIndex, from: start, to: runs[loop].start) == runs[loop].start {
            runs[loop].start = start
        } else {
            runs[loop] = RunNote(start: start, end: extent(setIndex, from: start, to: text.count))
        }
        return runs[loop].end
    }

    private mutating func extent(_ setIndex: Int, from start: Int, to limit: Int) -> Int {
        let set = pattern.sets[setIndex]
        var end = start
        while end < limit, set.contains(text[end], table) { end &+= 1 }
        work &+= end - start
        return end
    }

    private func hasFailed(_ memo: Int, _ position: Int) -> Bool {
        guard !failed.isEmpty else { return false }
        let bit = position * pattern.memoCount + memo
        return failed[bit >> 6] >> UInt64(bit & 63) & 1 != 0
    }

    private mutating func note(_ memo: Int, _ position: Int) {
        if failed.isEmpty {
            failed = [UInt64](repeating: 0, count: ((text.count + 1) * pattern.memoCount) >> 6 + 1)
        }
        let bit = position * pattern.memoCount + memo
        failed[bit >> 6] |= 1 << UInt64(bit & 63)
    }
}
