import Foundation

/// How well an answer matches, as the script of SQuAD counts it (Rajpurkar et al. 2016, and 2018 for questions without an
/// answer).
package enum AnswerScores {
    /// Small letters without ASCII punctuation, then without articles, divided at spaces.
    static func words(_ text: String) -> [String] {
        let kept = text.lowercased().unicodeScalars.filter { scalar in
            !(scalar.isASCII && (scalar.properties.generalCategory.isPunctuationOrSymbol))
        }
        var (result, word, run): ([String], String.UnicodeScalarView, String.UnicodeScalarView) = ([], .init(), .init())
        // An article is a run of letters and digits of its own, also within what no space divides.
        func endRun() {
            if ["a", "an", "the"].contains(String(run)) { endWord() } else { word.append(contentsOf: run) }
            run = .init()
        }
        func endWord() {
            if !word.isEmpty { result.append(String(word)) }
            word = .init()
        }
        for scalar in kept {
            if isLetterOrDigit(scalar) {
                run.append(scalar)
            } else {
                endRun()
                if scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value) {
                    endWord()
                } else {
                    word.append(scalar)
                }
            }
        }
        endRun()
        endWord()
        return result
    }

    /// What Python's regular expressions count among words.
    private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: scalar.properties.numericType != nil
        }
    }

    /// - Parameters:
    ///   - answer: empty for none.
    ///   - truths: answers of which any will do; none for a question without one.
    package static func scores(_ answer: String, _ truths: [String]) -> (exactMatch: Double, f1: Double) {
        let given = words(answer)
        let known = truths.map(words).filter { !$0.isEmpty }
        return (known.isEmpty ? [[]] : known).reduce((0.0, 0.0)) { best, truth in
            let exact = truth == given ? 1.0 : 0
            if truth.isEmpty || given.isEmpty { return (max(best.0, exact), max(best.1, exact)) }
            var counts: [String: Int] = [:]
            for word in truth { counts[word, default: 0] += 1 }
            var common = 0
            for word in given where counts[word, default: 0] > 0 {
                counts[word, default: 0] -= 1
                common += 1
            }
            return (max(best.0, exact), max(best.1, 2 * Double(common) / Double(truth.count + given.count)))
        }
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isPunctuationOrSymbol: Bool {
        switch self {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol:
            true
        default: false
        }
    }
}

extension TaskScores {
    /// Of answers, each with those that would do.
    init(loss: Double, answers: [String], truths: [[String]]) {
        self.init(loss: loss, texts: answers.count)
        let scores = zip(answers, truths).map { AnswerScores.scores($0, $1) }
        exactMatch = scores.reduce(0) { $0 + $1.exactMatch } / Double(max(scores.count, 1))
        tokenF1 = scores.reduce(0) { $0 + $1.f1 } / Double(max(scores.count, 1))
    }
}
