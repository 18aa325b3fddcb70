import APIConventions
import CloudModel
import Testing

@Suite struct QueryTests {
    @Test func namesAndValuesAreDecodedAndRepeatedOnesKept() throws {
        let query = try QueryItems("name=a%20b+c&sort_key=x&sort_key=y&flag&empty=&%6eame=z")
        #expect(query["name"] == "z")
        #expect(query.all("name") == ["a b c", "z"])
        #expect(query.all("sort_key") == ["x", "y"])
        #expect(query.flag("flag"))
        #expect(query["empty"] == "")
        #expect(query["missing"] == nil)
        #expect(throws: CloudError.self) { try QueryItems("a=%zz") }
        #expect(throws: CloudError.self) { try QueryItems("a=%ff") }
        #expect(throws: CloudError.self) { try QueryItems("a=%00") }
    }

    @Test func pagesLinkToTheNext() throws {
        let query = try QueryItems("limit=2&name=a%26b&marker=old")
        let paging = try Paging(query, maximum: 1000)
        #expect(paging.limit == 2)
        #expect(paging.marker == "old")
        #expect(
            paging.next(after: "id", count: 2, path: "/v2.1/servers", query: query)
                == "/v2.1/servers?limit=2&name=a%26b&marker=id")
        #expect(paging.next(after: "id", count: 1, path: "/", query: query) == nil)
        #expect(try Paging(try QueryItems("limit=5000"), maximum: 1000).limit == 1000)
        #expect(throws: CloudError.self) { try Paging(try QueryItems("limit=-1")) }
        #expect(throws: CloudError.self) { try Paging(try QueryItems("limit=x")) }
    }

    @Test func microversionsAreReadStrictly() throws {
        #expect(try Microversion(parsing: "2.37") == Microversion(2, 37))
        #expect(Microversion(2, 9) < Microversion(2, 10))
        for text in ["2", "2.", "2.x", "latest", "2.1.1", "0.1", "2.-1", "2.99999"] {
            #expect(throws: CloudError.self) { try Microversion(parsing: text) }
        }
    }
}
