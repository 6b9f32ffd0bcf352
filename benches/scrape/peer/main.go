// The peer in Go: client_golang and the handler that it brings.
//
// usage: peer WORKLOAD FUNCTIONS     prints its port and serves until its input ends
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	calls = 200
	last  = 1700000000.059
)

var (
	labels = []string{"region", "function_namespace", "function_name"}
	times  = []float64{
		0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
	}
	mebibytes = []float64{4, 8, 16, 32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072}

	invocations = prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "scf_invocations_total", Help: "Invocations."},
		append(append([]string{}, labels...), "ret_code", "outcome"),
	)
	duration = histogram("scf_invocation_duration_seconds", "Run time.", times)
	billed   = histogram("scf_invocation_billed_duration_seconds", "Billed time.", times)
	memory   = histogram("scf_invocation_memory_usage_bytes", "Memory used.", sizes())
	lastCall = gauge("scf_function_last_invocation_timestamp_seconds", "Last call.")
	info     = gauge("scf_function_info", "Always 1.")
)

func histogram(name, help string, buckets []float64) *prometheus.HistogramVec {
	opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	return prometheus.NewHistogramVec(opts, labels)
}

func gauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

func sizes() []float64 {
	var sizes []float64
	for _, size := range mebibytes {
		sizes = append(sizes, size*(1<<20))
	}
	return sizes
}

func count(name, code, outcome string, micros, billedMillis, kib uint32) {
	invocations.WithLabelValues("ap-guangzhou", "default", name, code, outcome).Inc()
	observe := func(histogram *prometheus.HistogramVec, value float64) {
		histogram.WithLabelValues("ap-guangzhou", "default", name).Observe(value)
	}
	observe(duration, float64(micros)/1e6)
	observe(billed, float64(billedMillis)/1e3)
	observe(memory, float64(kib)*1024)
}

// ending tells how the invocation at a place ended: two of each function's failed.
func ending(place int) (string, string) {
	switch calls - place {
	case 1:
		return "1", "function_error"
	case 2:
		return "433", "timeout"
	}
	return "0", "success"
}

func load(path string, functions int) error {
	opened, err := os.Open(path)
	if err != nil {
		return err
	}
	defer opened.Close()
	file := bufio.NewReader(opened)
	for range functions {
		length, err := file.ReadByte()
		if err != nil {
			return err
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(file, text); err != nil {
			return err
		}
		name := string(text)
		var samples [calls][3]uint32
		if err := binary.Read(file, binary.LittleEndian, &samples); err != nil {
			return err
		}
		for place, sample := range samples {
			code, outcome := ending(place)
			count(name, code, outcome, sample[0], sample[1], sample[2])
		}
		lastCall.WithLabelValues("ap-guangzhou", "default", name).Set(last)
		info.WithLabelValues("ap-guangzhou", "default", name).Set(1)
	}
	return nil
}

func run(path, functions string) error {
	wanted, err := strconv.Atoi(functions)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(invocations, duration, billed, memory, lastCall, info)
	if err := load(path, wanted); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	// It ends with its standard input.
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: peer WORKLOAD FUNCTIONS")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
