// Official Go SDK, Streamable HTTP with sessions and JSON replies.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type echoInput struct {
	Message string `json:"message" jsonschema:"Text to echo"`
}

type addInput struct {
	A float64 `json:"a" jsonschema:"Left"`
	B float64 `json:"b" jsonschema:"Right"`
}

type lookupInput struct {
	Key string `json:"key" jsonschema:"Which record"`
}

type burnInput struct {
	Ms float64 `json:"ms" jsonschema:"Milliseconds"`
}

type noInput struct{}

type fillerInput struct {
	Query string   `json:"query" jsonschema:"Search text"`
	Limit int      `json:"limit,omitempty" jsonschema:"Max rows"`
	Tags  []string `json:"tags,omitempty"`
}

var lookups atomic.Int64

// add registers a tool that turns checked arguments into text.
func add[In any](server *mcp.Server, name, description string, run func(In) string) {
	mcp.AddTool(server, &mcp.Tool{Name: name, Description: description},
		func(_ context.Context, _ *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: run(in)}}}, nil, nil
		})
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "bench", Version: "1"}, nil)
	add(server, "echo", "Echo the message", func(in echoInput) string { return in.Message })
	add(server, "add", "Add two numbers", func(in addInput) string {
		return strconv.FormatFloat(in.A+in.B, 'g', -1, 64)
	})
	add(server, "lookup", "Text of one of 64 records", func(in lookupInput) string {
		lookups.Add(1)
		return "value of " + in.Key
	})
	add(server, "burn", "Keep the processor busy", func(in burnInput) string {
		for started := time.Now(); time.Since(started) < time.Duration(in.Ms*float64(time.Millisecond)); {
		}
		return "done"
	})
	add(server, "runs", "How often lookup ran", func(noInput) string { return fmt.Sprintf("%d 0", lookups.Load()) })
	count, err := strconv.Atoi(os.Getenv("TOOLS"))
	if err != nil {
		count = 20
	}
	for i := 6; i <= count; i++ {
		add(server, fmt.Sprintf("tool_%03d", i),
			fmt.Sprintf("Filler tool number %d: searches the records of a data source and returns matching rows as text.", i),
			func(in fillerInput) string { return in.Query })
	}
	handler := mcp.NewStreamableHTTPHandler(
		func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{JSONResponse: true})
	http.Handle("/mcp", handler)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
