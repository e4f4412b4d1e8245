import Files
import Testing

@Suite struct PathPartsTests {
    @Test(
        arguments: [
            ("m", ""), ("m/", ""), ("m//", ""), ("é", ""), ("", ""), (".", ""), ("..", ""), ("name", ""), ("a/b", "a"),
            ("a//b", "a"), ("a/b/", "a"), ("a/b/c", "a/b"), ("/a", "/"), ("/a/", "/"), ("//a", "/"), ("/", "/"),
            ("//", "/"), ("/a/b", "/a"), ("./m", "."), ("../m", ".."), ("a/\u{301}b", "a"),
        ])
    func theFolderOfAPath(path: String, folder: String) { #expect(PathParts.folder(of: path) == folder) }
}
