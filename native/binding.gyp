{
  "variables": { "sanitize%": "" },
  "targets": [
    {
      "target_name": "polysocket",
      "conditions": [
        ["OS!='linux'", { "type": "none" }],
        ["OS=='linux'", {
          "sources": [
            "addon.cc",
            "call.cc",
            "callback.cc",
            "calls.cc",
            "closing.cc",
            "descriptors.cc",
            "environment.cc",
            "messages.cc",
            "outside.cc",
            "shared-callbacks.cc",
            "slabs.cc",
            "streams.cc",
            "watch.cc"
          ],
          "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
          "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS"],
          "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-fvisibility=hidden", "-fvisibility-inlines-hidden"]
        }],
        ["sanitize!=''", {
          "cflags_cc": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g", "-O1"],
          "ldflags": ["-fsanitize=address,undefined"]
        }]
      ]
    }
  ]
}
