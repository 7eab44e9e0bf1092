// Generated from crds/ by scripts/generate.ts. Change those instead.

import type { JsonSchema } from './schemas.ts'

export const SCHEMAS: Readonly<Record<string, JsonSchema>> = {
 "HTTPRouteGroup v1alpha1": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "matches": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "name"
     ],
     "properties": {
      "name": {
       "type": "string",
       "minLength": 1
      },
      "pathRegex": {
       "type": "string"
      },
      "methods": {
       "type": "array",
       "items": {
        "type": "string",
        "enum": [
         "*",
         "GET",
         "HEAD",
         "PUT",
         "POST",
         "DELETE",
         "CONNECT",
         "OPTIONS",
         "TRACE",
         "PATCH"
        ]
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "HTTPRouteGroup v1alpha2": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "matches": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "name"
     ],
     "properties": {
      "name": {
       "type": "string",
       "minLength": 1
      },
      "pathRegex": {
       "type": "string"
      },
      "methods": {
       "type": "array",
       "items": {
        "type": "string",
        "enum": [
         "*",
         "GET",
         "HEAD",
         "PUT",
         "POST",
         "DELETE",
         "CONNECT",
         "OPTIONS",
         "TRACE",
         "PATCH"
        ]
       }
      },
      "headers": {
       "x-kubernetes-preserve-unknown-fields": true
      }
     }
    }
   },
   "status": {}
  }
 },
 "HTTPRouteGroup v1alpha3": {
  "type": "object",
  "x-kubernetes-preserve-unknown-fields": true,
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": true,
    "properties": {
     "matches": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "name"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1
        },
        "pathRegex": {
         "type": "string"
        },
        "methods": {
         "type": "array",
         "items": {
          "type": "string",
          "enum": [
           "*",
           "GET",
           "HEAD",
           "PUT",
           "POST",
           "DELETE",
           "CONNECT",
           "OPTIONS",
           "TRACE",
           "PATCH"
          ]
         }
        },
        "headers": {
         "x-kubernetes-preserve-unknown-fields": true
        }
       }
      }
     }
    }
   },
   "matches": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "name"
     ],
     "properties": {
      "name": {
       "type": "string",
       "minLength": 1
      },
      "pathRegex": {
       "type": "string"
      },
      "methods": {
       "type": "array",
       "items": {
        "type": "string",
        "enum": [
         "*",
         "GET",
         "HEAD",
         "PUT",
         "POST",
         "DELETE",
         "CONNECT",
         "OPTIONS",
         "TRACE",
         "PATCH"
        ]
       }
      },
      "headers": {
       "x-kubernetes-preserve-unknown-fields": true
      }
     }
    }
   },
   "status": {}
  }
 },
 "HTTPRouteGroup v1alpha4": {
  "type": "object",
  "x-kubernetes-preserve-unknown-fields": true,
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": true,
    "properties": {
     "matches": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "name"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1
        },
        "pathRegex": {
         "type": "string"
        },
        "methods": {
         "type": "array",
         "items": {
          "type": "string",
          "enum": [
           "*",
           "GET",
           "HEAD",
           "PUT",
           "POST",
           "DELETE",
           "CONNECT",
           "OPTIONS",
           "TRACE",
           "PATCH"
          ]
         }
        },
        "headers": {
         "x-kubernetes-preserve-unknown-fields": true
        }
       }
      }
     }
    }
   },
   "matches": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "name"
     ],
     "properties": {
      "name": {
       "type": "string",
       "minLength": 1
      },
      "pathRegex": {
       "type": "string"
      },
      "methods": {
       "type": "array",
       "items": {
        "type": "string",
        "enum": [
         "*",
         "GET",
         "HEAD",
         "PUT",
         "POST",
         "DELETE",
         "CONNECT",
         "OPTIONS",
         "TRACE",
         "PATCH"
        ]
       }
      },
      "headers": {
       "x-kubernetes-preserve-unknown-fields": true
      }
     }
    }
   },
   "status": {}
  }
 },
 "IdentityBinding v1alpha4": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "schemes"
    ],
    "properties": {
     "schemes": {
      "type": "object",
      "minProperties": 1,
      "properties": {
       "podLabelSelector": {
        "type": [
         "object",
         "null"
        ],
        "required": [
         "matchLabels"
        ],
        "properties": {
         "matchLabels": {
          "type": "object",
          "minProperties": 1,
          "additionalProperties": {
           "type": "string"
          }
         }
        }
       },
       "spiffeIdentities": {
        "type": [
         "array",
         "null"
        ],
        "minItems": 1,
        "items": {
         "type": "string",
         "minLength": 1
        }
       },
       "serviceAccount": {
        "type": [
         "string",
         "null"
        ],
        "minLength": 1
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TCPRoute v1alpha1": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "status": {}
  }
 },
 "TCPRoute v1alpha2": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "status": {}
  }
 },
 "TCPRoute v1alpha3": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object"
   },
   "status": {}
  }
 },
 "TCPRoute v1alpha4": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "properties": {
     "matches": {
      "type": "object",
      "properties": {
       "name": {
        "type": "string"
       },
       "ports": {
        "type": "array",
        "items": {
         "type": "integer",
         "format": "int32",
         "minimum": 1,
         "maximum": 65535
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficSplit v1alpha1": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "service",
     "backends"
    ],
    "properties": {
     "service": {
      "type": "string",
      "minLength": 1
     },
     "backends": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "service",
        "weight"
       ],
       "properties": {
        "service": {
         "type": "string",
         "minLength": 1
        },
        "weight": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
         "minimum": 0,
         "maximum": 1000000,
         "maxLength": 64
        },
        "matches": {
         "type": "array",
         "items": {
          "x-kubernetes-preserve-unknown-fields": true
         }
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficSplit v1alpha2": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "service",
     "backends"
    ],
    "properties": {
     "service": {
      "type": "string",
      "minLength": 1
     },
     "backends": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "service",
        "weight"
       ],
       "properties": {
        "service": {
         "type": "string",
         "minLength": 1
        },
        "weight": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
         "minimum": 0,
         "maximum": 1000000,
         "maxLength": 64
        },
        "matches": {
         "type": "array",
         "items": {
          "x-kubernetes-preserve-unknown-fields": true
         }
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficSplit v1alpha3": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "service",
     "backends"
    ],
    "properties": {
     "service": {
      "type": "string",
      "minLength": 1
     },
     "backends": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "service",
        "weight"
       ],
       "properties": {
        "service": {
         "type": "string",
         "minLength": 1
        },
        "weight": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
         "minimum": 0,
         "maximum": 1000000,
         "maxLength": 64
        },
        "matches": {
         "type": "array",
         "items": {
          "x-kubernetes-preserve-unknown-fields": true
         }
        }
       }
      }
     },
     "matches": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "apiGroup": {
         "type": "string"
        },
        "kind": {
         "type": "string",
         "enum": [
          "HTTPRouteGroup"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficSplit v1alpha4": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "service",
     "backends"
    ],
    "properties": {
     "service": {
      "type": "string",
      "minLength": 1
     },
     "backends": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "service",
        "weight"
       ],
       "properties": {
        "service": {
         "type": "string",
         "minLength": 1
        },
        "weight": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
         "minimum": 0,
         "maximum": 1000000,
         "maxLength": 64
        },
        "matches": {
         "type": "array",
         "items": {
          "x-kubernetes-preserve-unknown-fields": true
         }
        }
       }
      }
     },
     "matches": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "apiGroup": {
         "type": "string"
        },
        "kind": {
         "type": "string",
         "enum": [
          "HTTPRouteGroup"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficTarget v1alpha1": {
  "type": "object",
  "required": [
   "destination"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "destination": {
    "type": "object",
    "required": [
     "kind",
     "name"
    ],
    "properties": {
     "kind": {
      "type": "string",
      "enum": [
       "ServiceAccount",
       "IdentityBinding"
      ]
     },
     "name": {
      "type": "string",
      "minLength": 1
     },
     "namespace": {
      "type": "string"
     },
     "port": {
      "type": "integer",
      "minimum": 1,
      "maximum": 65535
     }
    }
   },
   "specs": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "kind",
      "name"
     ],
     "properties": {
      "kind": {
       "type": "string",
       "enum": [
        "HTTPRouteGroup",
        "TCPRoute",
        "UDPRoute"
       ]
      },
      "name": {
       "type": "string",
       "minLength": 1
      },
      "matches": {
       "type": "array",
       "items": {
        "type": "string"
       }
      }
     }
    }
   },
   "sources": {
    "type": "array",
    "items": {
     "type": "object",
     "required": [
      "kind",
      "name"
     ],
     "properties": {
      "kind": {
       "type": "string",
       "enum": [
        "ServiceAccount",
        "IdentityBinding"
       ]
      },
      "name": {
       "type": "string",
       "minLength": 1
      },
      "namespace": {
       "type": "string"
      },
      "port": {
       "type": "integer",
       "minimum": 1,
       "maximum": 65535
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficTarget v1alpha2": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "destination"
    ],
    "properties": {
     "destination": {
      "type": "object",
      "required": [
       "kind",
       "name"
      ],
      "properties": {
       "kind": {
        "type": "string",
        "enum": [
         "ServiceAccount",
         "IdentityBinding"
        ]
       },
       "name": {
        "type": "string",
        "minLength": 1
       },
       "namespace": {
        "type": "string"
       },
       "port": {
        "type": "integer",
        "minimum": 1,
        "maximum": 65535
       }
      }
     },
     "rules": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "HTTPRouteGroup",
          "TCPRoute",
          "UDPRoute"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "matches": {
         "type": "array",
         "items": {
          "type": "string"
         }
        }
       }
      }
     },
     "sources": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "ServiceAccount",
          "IdentityBinding"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "namespace": {
         "type": "string"
        },
        "port": {
         "type": "integer",
         "minimum": 1,
         "maximum": 65535
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficTarget v1alpha3": {
  "type": "object",
  "required": [
   "spec"
  ],
  "x-kubernetes-preserve-unknown-fields": true,
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "destination",
     "rules",
     "sources"
    ],
    "x-kubernetes-preserve-unknown-fields": true,
    "properties": {
     "destination": {
      "type": "object",
      "required": [
       "kind",
       "name"
      ],
      "x-kubernetes-preserve-unknown-fields": true,
      "properties": {
       "kind": {
        "type": "string",
        "enum": [
         "ServiceAccount",
         "IdentityBinding"
        ]
       },
       "name": {
        "type": "string",
        "minLength": 1
       },
       "namespace": {
        "type": "string"
       },
       "port": {
        "type": [
         "integer",
         "string"
        ],
        "pattern": "^[0-9]{1,5}$",
        "minimum": 1,
        "maximum": 65535,
        "maxLength": 5
       }
      }
     },
     "rules": {
      "type": "array",
      "minItems": 1,
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "HTTPRouteGroup",
          "TCPRoute",
          "UDPRoute"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "matches": {
         "type": "array",
         "items": {
          "type": "string"
         }
        }
       }
      }
     },
     "sources": {
      "type": "array",
      "minItems": 1,
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "x-kubernetes-preserve-unknown-fields": true,
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "ServiceAccount",
          "IdentityBinding"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "namespace": {
         "type": "string"
        },
        "port": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^[0-9]{1,5}$",
         "minimum": 1,
         "maximum": 65535,
         "maxLength": 5
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "TrafficTarget v1alpha4": {
  "type": "object",
  "required": [
   "spec"
  ],
  "x-kubernetes-preserve-unknown-fields": true,
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "required": [
     "destination",
     "rules",
     "sources"
    ],
    "x-kubernetes-preserve-unknown-fields": true,
    "properties": {
     "destination": {
      "type": "object",
      "required": [
       "kind",
       "name"
      ],
      "x-kubernetes-preserve-unknown-fields": true,
      "properties": {
       "kind": {
        "type": "string",
        "enum": [
         "ServiceAccount",
         "IdentityBinding"
        ]
       },
       "group": {
        "type": "string"
       },
       "name": {
        "type": "string",
        "minLength": 1
       },
       "namespace": {
        "type": "string"
       },
       "port": {
        "type": [
         "integer",
         "string"
        ],
        "pattern": "^[0-9]{1,5}$",
        "minimum": 1,
        "maximum": 65535,
        "maxLength": 5
       }
      }
     },
     "rules": {
      "type": "array",
      "minItems": 1,
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "HTTPRouteGroup",
          "TCPRoute",
          "UDPRoute"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "matches": {
         "type": "array",
         "items": {
          "type": "string"
         }
        }
       }
      }
     },
     "sources": {
      "type": "array",
      "minItems": 1,
      "items": {
       "type": "object",
       "required": [
        "kind",
        "name"
       ],
       "x-kubernetes-preserve-unknown-fields": true,
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "ServiceAccount",
          "IdentityBinding"
         ]
        },
        "group": {
         "type": "string"
        },
        "name": {
         "type": "string",
         "minLength": 1
        },
        "namespace": {
         "type": "string"
        },
        "port": {
         "type": [
          "integer",
          "string"
         ],
         "pattern": "^[0-9]{1,5}$",
         "minimum": 1,
         "maximum": 65535,
         "maxLength": 5
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 },
 "UDPRoute v1alpha4": {
  "type": "object",
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {},
   "spec": {
    "type": "object",
    "properties": {
     "matches": {
      "type": "object",
      "properties": {
       "name": {
        "type": "string"
       },
       "ports": {
        "type": "array",
        "items": {
         "type": "integer",
         "format": "int32",
         "minimum": 1,
         "maximum": 65535
        }
       }
      }
     }
    }
   },
   "status": {}
  }
 }
}
