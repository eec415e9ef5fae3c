// mcp-go, Streamable HTTP with sessions.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

var lookups atomic.Int64

func main() {
	s := server.NewMCPServer("bench", "1", server.WithToolCapabilities(false), server.WithInputSchemaValidation())
	add := func(name, description string, run func(mcp.CallToolRequest) (string, error), options ...mcp.ToolOption) {
		options = append([]mcp.ToolOption{mcp.WithDescription(description)}, options...)
		s.AddTool(mcp.NewTool(name, options...),
			func(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				text, err := run(request)
				if err != nil {
					return nil, err
				}
				return mcp.NewToolResultText(text), nil
			})
	}
	add("echo", "Echo the message",
		func(request mcp.CallToolRequest) (string, error) { return request.RequireString("message") },
		mcp.WithString("message", mcp.Required(), mcp.Description("Text to echo")))
	add("add", "Add two numbers", func(request mcp.CallToolRequest) (string, error) {
		a, err := request.RequireFloat("a")
		if err != nil {
			return "", err
		}
		b, err := request.RequireFloat("b")
		return strconv.FormatFloat(a+b, 'g', -1, 64), err
	}, mcp.WithNumber("a", mcp.Required(), mcp.Description("Left")),
		mcp.WithNumber("b", mcp.Required(), mcp.Description("Right")))
	add("lookup", "Text of one of 64 records", func(request mcp.CallToolRequest) (string, error) {
		lookups.Add(1)
		key, err := request.RequireString("key")
		return "value of " + key, err
	}, mcp.WithString("key", mcp.Required(), mcp.Description("Which record")))
	add("burn", "Keep the processor busy", func(request mcp.CallToolRequest) (string, error) {
		ms, err := request.RequireFloat("ms")
		for started := time.Now(); time.Since(started) < time.Duration(ms*float64(time.Millisecond)); {
		}
		return "done", err
	}, mcp.WithNumber("ms", mcp.Required(), mcp.Description("Milliseconds")))
	add("runs", "How often lookup ran", func(mcp.CallToolRequest) (string, error) {
		return fmt.Sprintf("%d 0", lookups.Load()), nil
	})
	count, err := strconv.Atoi(os.Getenv("TOOLS"))
	if err != nil {
		count = 20
	}
	for i := 6; i <= count; i++ {
		add(fmt.Sprintf("tool_%03d", i),
			fmt.Sprintf("Filler tool number %d: searches the records of a data source and returns matching rows as text.", i),
			func(request mcp.CallToolRequest) (string, error) { return request.RequireString("query") },
			mcp.WithString("query", mcp.Required(), mcp.Description("Search text")),
			mcp.WithNumber("limit", mcp.Description("Max rows"), mcp.Min(1), mcp.Max(100)),
			mcp.WithArray("tags", mcp.WithStringItems()))
	}
	log.Fatal(server.NewStreamableHTTPServer(s).Start("127.0.0.1:" + os.Getenv("PORT")))
}
